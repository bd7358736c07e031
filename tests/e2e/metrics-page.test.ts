// The three places that name metrics say the same: the page of a real server, the table in docs/metrics.md, and the dashboard for Grafana.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepMetrics } from '../../src/gateway/index.ts';
import { familiesText } from '../../src/telemetry/index.ts';
import { type ReadMetrics, readMetrics } from '../support/metrics-text.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { post, root, startTestServer, type TestServer, until } from '../support/server.ts';
import { stepReports } from '../support/step-reports.ts';

const examples = path.join(root, 'examples');
const body = readFileSync(path.join(examples, 'digits/request.json'), 'utf8');
/** Histograms have these behind their names. */
const suffix = /_(?:bucket|sum|count)$/;

interface Documented {
  readonly type: string;
  readonly labels: readonly string[];
  readonly text: string;
}

const documented: ReadonlyMap<string, Documented> = new Map(
  readFileSync(path.join(root, 'docs/metrics.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, name, type, labels, text] = line.split('|').map((cell) => cell.trim());
      const names = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label);
      return [name.replaceAll('`', ''), { type, labels: names, text }];
    }),
);

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}

const dashboard = JSON.parse(readFileSync(path.join(root, 'deploy/grafana/airlock.json'), 'utf8')) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

/** Metrics of an expression with the labels that it selects by, and the labels that it groups by. */
function partsOf(expression: string): {
  readonly metrics: ReadonlyMap<string, readonly string[]>;
  readonly groups: readonly string[];
} {
  const groups: string[] = [];
  const rest = expression
    .replace(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_all, inside: string) => {
      groups.push(...inside.split(',').map((label) => label.trim()));
      return ' ';
    })
    .replace(/\[[^\]]*\]/g, ' ');
  const metrics = new Map<string, string[]>();
  for (const [, name, open, inside = ''] of rest.matchAll(/([a-zA-Z_:][\w:]*)\s*(\(|\{([^}]*)\})?/g)) {
    if (open === '(' || ['or', 'and', 'unless', 'bool'].includes(name)) continue;
    const labels = [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"/g)].map(([, label]) => label);
    metrics.set(name, [...(metrics.get(name) ?? []), ...labels]);
  }
  return { metrics, groups };
}

let server: TestServer;
let page: ReadMetrics;

beforeAll(async () => {
  if (slot === undefined) return;
  server = await startTestServer({
    models: [
      { name: 'digits', path: path.join(examples, 'digits') },
      { name: 'gone', path: path.join(root, 'no-such-folder') },
    ],
    scan: {},
    telemetry: { traces: { endpoint: 'http://127.0.0.1:9/v1/traces', samplePercent: 0 } },
  });
  await post(`${server.url}/v1/models/digits:predict`, body);
  await post(`${server.url}/v1/models/digits:predict`, 'x');
  const read = async (): Promise<ReadMetrics> =>
    readMetrics(await fetch(`${server.url}/airlock/v1/metrics`).then((response) => response.text()));
  // Posture and the hashes of what is installed come after the start.
  await until('everything is known', async () => {
    page = await read();
    return page.types.has('airlock_runtime_info') && page.samples.some(({ name }) => name === 'airlock_scan_verdict');
  });
});
afterAll(() => server?.close());

describe.skipIf(slot === undefined)(`the page of metrics${needsRuntime}`, () => {
  it('has the families of docs/metrics.md and no others, with their types', () => {
    const optional = [...documented].filter(([, { text }]) => /only (?:there|where recording|where \[recording)/.test(text));
    const steps = readMetrics(familiesText(stepMetrics([])));
    const all = new Map([...page.types, ...steps.types]);
    const expected = [...documented].filter(([name]) => all.has(name) || !optional.some(([one]) => one === name));
    expect(Object.fromEntries(all)).toEqual(Object.fromEntries(expected.map(([name, { type }]) => [name, type])));
  });

  it('has samples with the documented labels and no others', () => {
    const steps = readMetrics(familiesText(stepMetrics([stepReports('digits', 1n)])));
    const wrong = [...page.samples, ...steps.samples].flatMap(({ name, labels }) => {
      const family = documented.has(name) ? name : name.replace(suffix, '');
      const expected = documented.get(family)?.labels ?? [];
      const found = Object.keys(labels).filter((label) => !(label === 'le' && name.endsWith('_bucket')));
      return found.sort().join() === [...expected].sort().join() ? [] : [`${name} has ${found.join()}`];
    });
    expect(wrong).toEqual([]);
    expect(page.value('airlock_model_ready', { model: 'gone' })).toBe(0);
    expect(page.value('airlock_metrics_source_failed')).toBeUndefined();
  });

  it('says nothing that is not a number, and no path of this machine', () => {
    expect(page.samples.filter(({ value }) => Number.isNaN(value))).toEqual([]);
    expect(JSON.stringify(page.samples)).not.toContain(root);
  });
});

describe('the dashboard for Grafana (read as text: Grafana itself cannot be installed here)', () => {
  it('asks for many things, each in a form that is understood here', () => {
    expect(targets.length).toBeGreaterThan(40);
    for (const { expr, title } of targets) expect(partsOf(expr).metrics.size, title).toBeGreaterThan(0);
    expect(dashboard.templating.list.map(({ definition }) => definition)).toContain('label_values(airlock_model_ready, model)');
  });

  it('names only metrics and labels that there are', () => {
    const wrong = targets.flatMap(({ title, expr, legendFormat }) => {
      const { metrics, groups } = partsOf(expr);
      const legend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      return [...metrics].flatMap(([name, selected]) => {
        const isPart = !documented.has(name) && documented.get(name.replace(suffix, ''))?.type === 'histogram';
        const family = documented.get(isPart ? name.replace(suffix, '') : name);
        if (family === undefined) return [`${title}: no metric ${name}`];
        if (family.type === 'histogram' && !isPart) return [`${title}: ${name} is a histogram`];
        const labels = name.endsWith('_bucket') ? [...family.labels, 'le'] : family.labels;
        const unknown = [...selected, ...groups, ...legend].filter((label) => !labels.includes(label));
        return unknown.map((label) => `${title}: ${name} has no label ${label}`);
      });
    });
    expect(wrong).toEqual([]);
  });

  it('asks counters for their growth, never for their value', () => {
    const bare = targets.flatMap(({ title, expr }) =>
      [...partsOf(expr).metrics.keys()]
        .filter((name) => documented.get(name)?.type === 'counter')
        .filter((name) => !new RegExp(`(?:rate|increase)\\(${name}\\b`).test(expr))
        .map((name) => `${title}: ${name}`),
    );
    expect(bare).toEqual([]);
  });
});
