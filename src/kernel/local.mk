# What this machine has: tables of nftables, flows, addresses, bridges, files of
# lists; and a configuration compiled for it.
src_libweir_a_SOURCES += \
	src/kernel/bridge.c src/kernel/bridge.h \
	src/kernel/conntrack.c src/kernel/conntrack.h \
	src/kernel/intent.c src/kernel/intent.h \
	src/kernel/kernel.c src/kernel/kernel.h \
	src/kernel/list_file.c src/kernel/list_file.h \
	src/kernel/machine.c src/kernel/machine.h \
	src/kernel/nft.c src/kernel/nft.h \
	src/kernel/nflog.c src/kernel/nflog.h \
	src/kernel/nft_batch.c src/kernel/nft_batch.h \
	src/kernel/nft_decode.c \
	src/kernel/nft_decode_set.c \
	src/kernel/nft_encode.c \
	src/kernel/nft_inside.h \
	src/kernel/nft_read.c src/kernel/nft_send.c \
	src/kernel/nft_trouble.c src/kernel/nft_trouble.h \
	src/kernel/nft_watch.c src/kernel/nft_watch.h \
	src/kernel/nft_wire.h
