# Unit tests of src/tls.
