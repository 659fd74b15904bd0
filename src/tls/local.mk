# The files of this floor.
