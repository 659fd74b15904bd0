#include "histogram.h"

void histogram_read(const struct histogram *h, struct histogram_sum *sum)
{
	for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
		uint64_t n = tally_read(&h->cells[i]);

		sum->cells[i] += n;
		sum->n += n;
	}
	sum->sum_ms += tally_read(&h->sum_ms);
}

uint64_t histogram_end_ms(unsigned cell)
{
	uint64_t step = 5;

	if (cell < HISTOGRAM_SINGLES)
		return cell;
	if (cell >= HISTOGRAM_CELLS - 1)
		return UINT64_MAX;
	cell -= HISTOGRAM_SINGLES;
	for (; cell >= HISTOGRAM_DECADE; cell -= HISTOGRAM_DECADE)
		step *= 10;
	return step * 2 + step * (cell + 1);
}

uint64_t histogram_up_to(const struct histogram_sum *sum, uint64_t ms)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_CELLS && histogram_end_ms(i) <= ms;
	     i++)
		n += sum->cells[i];
	return n;
}

uint64_t histogram_quantile(const struct histogram_sum *sum, double part)
{
	double wanted = (double)sum->n * part;
	uint64_t n = 0;

	if (sum->n == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_CELLS - 1; i++) {
		n += sum->cells[i];
		if (n > 0 && (double)n >= wanted)
			return histogram_end_ms(i);
	}
	return HISTOGRAM_MOST_MS;
}
