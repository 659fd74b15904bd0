# Unit tests of src/firewall.
