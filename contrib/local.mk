# Scripts for people; nothing is installed from here but the units and completions.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = contrib/completion/weir

examplesdir = $(docdir)/examples
dist_examples_DATA = conf/smallest.yaml conf/rules.yaml conf/web.yaml
dist_doc_DATA = README.md NEWS doc/MAP doc/PRINCIPLES doc/THREATS \
	doc/adding-a-key.md doc/adding-a-counter.md

# The unit, with the folders of this installation.
unitdir = $(prefix)/lib/systemd/system
nodist_unit_DATA = weir.service
EXTRA_DIST += contrib/weir.service
CLEANFILES += weir.service
weir.service: $(srcdir)/contrib/weir.service Makefile
	$(AM_V_GEN)sed -e 's|/usr/sbin/weir|$(sbindir)/weir|' \
		-e 's|/etc/weir/|$(sysconfdir)/weir/|' \
		$(srcdir)/contrib/weir.service >$@
