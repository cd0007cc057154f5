import type { NotifyCounts } from '../approval/notify/notifications.ts';
import type { ChannelResult, GitChannel } from '../domain/session.ts';
import type { MaskCounts } from '../mask/engine/open-masked-views.ts';

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

  /** @param more further lines in the same form */
  text(more: readonly string[] = []): string {
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
      ...more,
    ];
    return `${lines.join('\n')}\n`;
  }
}

/** Held pushes, and notices of them by notifier. Names of notifiers are letters, digits and hyphens. */
export function heldMetrics(pending: number, notices: readonly NotifyCounts[]): readonly string[] {
  const series = (
    name: string,
    type: 'gauge' | 'counter',
    of: (counts: NotifyCounts) => number,
  ): string[] => [
    `# TYPE ${name} ${type}`,
    ...notices.map((counts) => `${name}{notifier="${counts.name}"} ${of(counts)}`),
  ];
  return [
    '# TYPE refgate_held_pushes gauge',
    `refgate_held_pushes ${pending}`,
    ...series('refgate_notices_waiting', 'gauge', ({ waiting }) => waiting),
    ...series('refgate_notices_dead', 'gauge', ({ dead }) => dead),
    ...series('refgate_notices_sent_total', 'counter', ({ sent }) => sent),
    ...series('refgate_notice_failures_total', 'counter', ({ failed }) => failed),
  ];
}

/** Repositories by the state of their masking, and what works on it. */
export function maskMetrics({ repos, threads, making }: MaskCounts): readonly string[] {
  return [
    '# TYPE refgate_masked_repositories gauge',
    ...Object.entries(repos).map(
      ([state, count]) => `refgate_masked_repositories{state="${state}"} ${count}`,
    ),
    '# TYPE refgate_views_making gauge',
    `refgate_views_making ${making}`,
    '# TYPE refgate_view_threads gauge',
    `refgate_view_threads ${threads}`,
  ];
}
