# The files of this floor.
src_libweir_a_SOURCES += \
	src/firewall/boxes.c src/firewall/boxes.h \
	src/firewall/ruleset.c src/firewall/ruleset.h \
	src/firewall/ruleset_text.c
