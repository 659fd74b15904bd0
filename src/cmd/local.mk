# The program: a table of commands.
sbin_PROGRAMS += weir
weir_SOURCES = \
	src/cmd/cmd.h src/cmd/main.c src/cmd/options.c \
	src/cmd/client.c src/cmd/client.h src/cmd/table.c src/cmd/table.h \
	src/cmd/check_world.c src/cmd/check_world.h \
	src/cmd/cmd_check.c src/cmd/cmd_serve.c src/cmd/cmd_reload.c \
	src/cmd/cmd_diff.c src/cmd/cmd_events.c src/cmd/cmd_export.c src/cmd/cmd_overlay.c src/cmd/cmd_target.c \
	src/cmd/cmd_maintenance.c src/cmd/cmd_conns.c src/cmd/cmd_errors.c src/cmd/cmd_reopen.c \
	src/cmd/cmd_status.c src/cmd/cmd_targets.c src/cmd/cmd_rules.c \
	src/cmd/rule_words.c src/cmd/rule_words.h \
	src/cmd/explain_packet.c src/cmd/explain_request.c \
	src/cmd/hand_over.c src/cmd/hand_over.h \
	src/cmd/period.c src/cmd/period.h \
	src/cmd/pager.c src/cmd/pager.h \
	src/cmd/explain_reason.c src/cmd/explain_reason.h src/cmd/sg.c src/cmd/sg.h \
	src/cmd/sg_change.c src/cmd/sg_import.c src/cmd/sg_overlay.c \
	src/cmd/sg_session.c src/cmd/sg_show.c src/cmd/sg_status.c \
	src/cmd/sg_suggest.c src/cmd/sg_watch.c

# For editors: from the tables that read the file.
nodist_pkgdata_DATA = weir.schema.json
CLEANFILES += weir.schema.json
weir.schema.json: weir$(EXEEXT)
	$(AM_V_GEN)./weir$(EXEEXT) check --schema >$@.tmp && mv $@.tmp $@
