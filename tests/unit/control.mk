# Unit tests of src/control.
