// `airlock status`: what a running server says of itself, for people: which versions answer, what the last scan of each said, and how the audit
// log ends. It asks over HTTP like anybody else, so what comes back is checked and made safe to show.
import type { Command } from 'commander';
import { z } from 'zod';
import { AirlockError, jsonOrUndefined, printable, printableJson } from '../../core/index.ts';
import type { Io } from '../io.ts';

interface StatusOptions {
  readonly url: string;
  readonly json?: boolean;
}

const maxBytes = 16 * 1024 * 1024;
const timeoutMs = 10_000;

const scan = z
  .object({
    verdict: z.string(),
    scannedAt: z.string(),
    counts: z.record(z.string(), z.number()),
    advisories: z.number(),
    digest: z.string(),
  })
  .nullish();

const counts = z.record(z.string(), z.number());

/** Absent from servers that know no posture. */
const runtime = z
  .object({
    posture: z
      .object({
        tensorflow: z.string(),
        ageDays: z.number().nullable(),
        support: z.object({ state: z.string() }),
        counts: z.object({ reachable: counts, undecided: counts, unreachable: counts }),
        deadline: z.string().nullable(),
        daysLeft: z.number().nullable(),
        overdue: z.boolean(),
        advisoryData: z.object({ read: z.string(), ageDays: z.number(), old: z.boolean() }),
      })
      .nullish(),
  })
  .nullish();

const statusSchema = z.object({
  isolation: z.object({ level: z.string() }),
  models: z.array(
    z.object({
      name: z.string(),
      ready: z.boolean(),
      versions: z.array(z.object({ version: z.string(), state: z.string(), scan })),
      refused: z.array(z.object({ version: z.string(), error: z.string(), message: z.string(), scan })),
    }),
  ),
  runtime,
  auditLog: z.object({ seq: z.number(), hash: z.string() }),
});

export function addStatusCommand(program: Command, io: Io): void {
  program
    .command('status')
    .description('say how a running server fares: its models, and what the last scan of each version said')
    .option('--url <url>', 'where it listens', 'http://127.0.0.1:8501')
    .option('--json', 'print what the server answers')
    .addHelpText('after', '\nExample:\n  airlock status --url http://127.0.0.1:8501')
    .action((options: StatusOptions) => status(options, io));
}

async function status({ url, json }: StatusOptions, io: Io): Promise<void> {
  const text = await ask(url);
  const answer = jsonOrUndefined(text);
  const parsed = statusSchema.safeParse(answer);
  if (!parsed.success) throw new AirlockError('USAGE', { message: 'What answers there is no Airlock server of this version' });
  if (json === true) {
    io.stdout.write(`${printableJson(JSON.stringify(answer))}\n`);
    return;
  }
  const { isolation, models, auditLog, runtime: found } = parsed.data;
  const lines = [`isolation ${printable(isolation.level)}; the audit log ends with ${auditLog.seq}:${printable(auditLog.hash)}`];
  if (found?.posture) lines.push(postureText(found.posture));
  for (const { name, ready, versions, refused } of models) {
    lines.push(`${printable(name, 128)}  ${ready ? 'ready' : 'not ready'}`);
    for (const one of versions) lines.push(`  ${printable(one.version)}  ${printable(one.state)}  ${scanText(one.scan)}`);
    for (const one of refused)
      lines.push(`  ${printable(one.version)}  refused: ${printable(one.message, 512)} (${printable(one.error)})`);
  }
  io.stdout.write(`${lines.join('\n')}\n`);
}

type PostureStatus = NonNullable<NonNullable<z.infer<typeof runtime>>['posture']>;

function postureText({
  tensorflow,
  ageDays,
  support,
  counts: by,
  deadline,
  daysLeft,
  overdue,
  advisoryData,
}: PostureStatus): string {
  const sum = (one: Readonly<Record<string, number>>): number => Object.values(one).reduce((all, count) => all + count, 0);
  const due =
    deadline === null
      ? ''
      : overdue
        ? `, overdue since ${printable(deadline)}`
        : `, ${daysLeft ?? 0} days left until ${printable(deadline)}`;
  const old = advisoryData.old ? ', old' : '';
  return [
    `TensorFlow ${printable(tensorflow)}  ${printable(support.state)} minor${ageDays === null ? '' : `, ${ageDays} days old`}`,
    `  ${sum(by.reachable)} published vulnerabilities within reach, ${sum(by.undecided)} undecided, ${sum(by.unreachable)} out of reach${due}`,
    `  advisories of ${printable(advisoryData.read)} (${advisoryData.ageDays} days${old})`,
  ].join('\n');
}

function scanText(found: z.infer<typeof scan>): string {
  if (found === undefined || found === null) return 'not scanned';
  const counts = Object.entries(found.counts).map(([severity, count]) => `${count} ${printable(severity)}`);
  const advisories = found.advisories === 0 ? [] : [`${found.advisories} published vulnerabilities within reach`];
  const details = [...counts, ...advisories].join(', ');
  return `${printable(found.verdict)} at ${printable(found.scannedAt)}${details === '' ? '' : ` (${details})`}`;
}

async function ask(url: string): Promise<string> {
  try {
    const response = await fetch(new URL('/airlock/v1/status', url), {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) throw new AirlockError('USAGE', { message: `The server answered ${response.status}` });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > maxBytes) throw new AirlockError('USAGE', { message: 'The answer is too long for a status' });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (thrown) {
    if (AirlockError.from(thrown).code !== 'INTERNAL') throw thrown;
    throw new AirlockError('ENVIRONMENT_LACKING', { message: `No server answers at ${printable(url, 256)}`, cause: thrown });
  }
}
