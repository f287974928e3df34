"""Networks of dense layers over one flat parameter vector."""
