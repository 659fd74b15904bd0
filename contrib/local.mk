# Scripts for people; nothing is installed from here but the units and completions.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = contrib/completion/weir

examplesdir = $(docdir)/examples
dist_examples_DATA = conf/smallest.yaml conf/rules.yaml conf/web.yaml \
	conf/security-groups.yaml conf/host-firewall.yaml
dist_doc_DATA = README.md NEWS doc/MAP doc/PRINCIPLES doc/THREATS \
	doc/adding-a-key.md doc/adding-a-counter.md doc/adding-an-algorithm.md \
	doc/alb-compatibility.md doc/cookbook-certificates.md \
	doc/cookbook-firewall.md doc/cookbook-logs.md

sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = contrib/sysusers.d/weir.conf

# The units, with the folders of this installation.
unitdir = $(prefix)/lib/systemd/system
nodist_unit_DATA = weir.service weir-sg.service
EXTRA_DIST += contrib/weir.service contrib/weir-sg.service \
	contrib/demo-firewall
CLEANFILES += weir.service weir-sg.service
make_unit = sed -e 's|/usr/sbin/weir|$(sbindir)/weir|' \
	-e 's|/etc/weir|$(sysconfdir)/weir|' -e 's|/var/lib|$(localstatedir)/lib|'
weir.service: $(srcdir)/contrib/weir.service Makefile
	$(AM_V_GEN)$(make_unit) $(srcdir)/contrib/weir.service >$@
weir-sg.service: $(srcdir)/contrib/weir-sg.service Makefile
	$(AM_V_GEN)$(make_unit) $(srcdir)/contrib/weir-sg.service >$@
