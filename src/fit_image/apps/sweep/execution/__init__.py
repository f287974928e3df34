"""Training of trials, in processes of this machine or on a cluster."""
