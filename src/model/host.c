#include "host.h"

static bool has_address(const struct cidr *list, unsigned n,
			const struct cidr *address)
{
	for (unsigned i = 0; i < n; i++)
		if (cidr_eq(&list[i], address))
			return true;
	return false;
}

const struct instance *firewall_host(const struct firewall_config *config)
{
	for (unsigned i = 0; i < config->n_instances; i++)
		if (config->instances[i].host)
			return &config->instances[i];
	return NULL;
}

const struct instance *firewall_instance_at(const struct firewall_config *c,
					    const struct cidr *address)
{
	const struct instance *host = firewall_host(c);

	for (unsigned i = 0; i < c->n_instances; i++)
		if (has_address(c->instances[i].addresses,
				c->instances[i].n_addresses, address))
			return &c->instances[i];
	if (host && host->n_addresses == 0 &&
	    has_address(c->addresses, c->n_addresses, address))
		return host;
	return NULL;
}

bool address_is_loopback(const struct cidr *address)
{
	static const uint8_t one[16] = {[15] = 1};

	return address->family == 4
		       ? address->octets[0] == 127
		       : memcmp(address->octets, one, sizeof(one)) == 0;
}

bool firewall_is_local(const struct firewall_config *config,
		       const struct cidr *address)
{
	const struct instance *host = firewall_host(config);

	return address_is_loopback(address) ||
	       has_address(config->addresses, config->n_addresses, address) ||
	       (host &&
		has_address(host->addresses, host->n_addresses, address));
}
