# The process that serves: start, reload, checks, names, the admin socket.
src_libweir_a_SOURCES += \
	src/control/admin.c src/control/admin.h \
	src/control/advice.c src/control/advice.h \
	src/control/api_pages.c src/control/api_pages.h \
	src/control/cert_watch.c src/control/cert_watch.h \
	src/control/check.c src/control/check.h \
	src/control/check_line.c src/control/check_line.h \
	src/control/check_call.c src/control/check_call.h \
	src/control/commands.c src/control/commands.h \
	src/control/confirm.c src/control/confirm.h \
	src/control/conns.c src/control/conns.h \
	src/control/daemon.c src/control/daemon.h \
	src/control/errors.c src/control/errors.h \
	src/control/explain.c src/control/explain.h \
	src/control/explain_daemon.c src/control/explain_daemon.h \
	src/control/explain_parts.h src/control/explain_rules.c \
	src/control/explain_targets.c \
	src/control/diff_command.c src/control/diff_command.h \
	src/control/events.c src/control/events.h \
	src/control/events_command.c src/control/events_command.h \
	src/control/generations.c src/control/generations.h \
	src/control/lay.c src/control/lay.h \
	src/control/history.c src/control/history.h \
	src/control/logs.c src/control/logs.h \
	src/control/maintenance.c src/control/maintenance.h \
	src/control/memory.c src/control/memory.h \
	src/control/metrics.c src/control/metrics.h \
	src/control/metrics_page.c src/control/metrics_parts.h \
	src/control/metrics_table.c \
	src/control/notify.c src/control/notify.h \
	src/control/overlay_command.c \
	src/control/ports.c src/control/ports.h \
	src/control/ports_owner.c \
	src/control/pulse.c src/control/pulse.h \
	src/control/readiness.c src/control/readiness.h \
	src/control/privilege.c src/control/privilege.h \
	src/control/prober.c src/control/prober.h \
	src/control/reload.c src/control/reload.h \
	src/control/resolver.c src/control/resolver.h \
	src/control/roles.c src/control/roles.h \
	src/control/roster.c src/control/roster.h \
	src/control/runtime.c src/control/runtime.h \
	src/control/status.c src/control/status.h \
	src/control/status_limits.c src/control/status_rules.c \
	src/control/status_targets.c \
	src/control/stop.c src/control/stop.h \
	src/control/target_commands.c src/control/target_commands.h \
	src/control/target_wait.c src/control/target_wait.h \
	src/control/trial.c src/control/trial.h \
	src/control/web.c src/control/web.h \
	src/control/web_pages.c src/control/web_pages.h \
	src/control/web_request.c src/control/web_request.h \
	src/control/world.c src/control/world.h
