# Unit tests of src/balance.
