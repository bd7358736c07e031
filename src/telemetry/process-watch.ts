// How the server's own process fares: memory, processor time, and how late its event loop is, which is what every client waits for. The names are those that Prometheus' own clients
// use, so that dashboards for Node.js show them.
import { Histogram } from './histogram.ts';
import type { Family } from './metric-family.ts';

/** How often lateness is measured: 40 timers a second cost a ten-thousandth of a core. */
const everyMs = 25;
const bounds = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export class ProcessWatch {
  readonly #version: string;
  /** Not monitorEventLoopDelay of Node: it gives quantiles since a reset, and whoever asks for metrics would reset them for all others. */
  readonly #delays = new Histogram(bounds);
  #timer: NodeJS.Timeout | undefined;

  /** @param version of Airlock. */
  constructor(version: string) {
    this.#version = version;
  }

  start(): void {
    let dueMs = performance.now() + everyMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#delays.observe(Math.max(0, nowMs - dueMs) / 1000);
      dueMs = nowMs + everyMs;
    }, everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  families(): Family[] {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return [
      {
        name: 'airlock_build_info',
        help: 'The version of Airlock and of Node.js.',
        samples: [[{ version: this.#version, node: process.versions.node }, 1]],
      },
      gauge('process_resident_memory_bytes', 'Memory of the server itself; workers have their own.', rss),
      gauge('nodejs_heap_size_used_bytes', 'Memory of JavaScript objects.', heapUsed),
      gauge('nodejs_heap_size_total_bytes', 'Memory that is there for JavaScript objects.', heapTotal),
      gauge('nodejs_external_memory_bytes', 'Memory of buffers: bodies, tensors, answers.', external),
      {
        name: 'process_cpu_seconds_total',
        help: 'Processor time of the server itself.',
        type: 'counter',
        samples: [[{}, (user + system) / 1e6]],
      },
      gauge('process_start_time_seconds', 'When the server started.', performance.timeOrigin / 1000),
      {
        name: 'airlock_event_loop_delay_seconds',
        help: 'How late the event loop of the server was, measured 40 times a second.',
        type: 'histogram',
        histograms: [[{}, this.#delays]],
      },
    ];
  }
}

function gauge(name: string, help: string, value: number): Family {
  return { name, help, samples: [[{}, value]] };
}
