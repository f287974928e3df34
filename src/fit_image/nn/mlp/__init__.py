"""Networks of dense layers alone, over one flat vector of parameters."""
