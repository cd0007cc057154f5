import type { ChannelResult, GitChannel } from '../domain/session.ts';

/** Counts sessions around the spine and prints them in Prometheus' text form. */
export class Metrics {
  readonly #counts = new Map<string, number>();
  #open = 0;

  count(
    serve: (channel: GitChannel) => Promise<ChannelResult>,
  ): (channel: GitChannel) => Promise<ChannelResult> {
    return async (channel) => {
      this.#open++;
      let result = 'error';
      try {
        const served = await serve(channel);
        result = served.outcome ?? (served.exitStatus === 0 ? 'ok' : 'refused');
        return served;
      } finally {
        this.#open--;
        const labels = `transport="${channel.transport}",service="${channel.service}",result="${result}"`;
        this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + 1);
      }
    };
  }

  text(): string {
    const { rss, heapUsed } = process.memoryUsage();
    const lines = [
      '# TYPE refgate_sessions_total counter',
      ...[...this.#counts].map(([labels, count]) => `refgate_sessions_total{${labels}} ${count}`),
      '# TYPE refgate_sessions_open gauge',
      `refgate_sessions_open ${this.#open}`,
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${rss}`,
      '# TYPE nodejs_heap_size_used_bytes gauge',
      `nodejs_heap_size_used_bytes ${heapUsed}`,
    ];
    return `${lines.join('\n')}\n`;
  }
}
