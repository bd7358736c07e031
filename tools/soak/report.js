// A soak in words: for the terminal, and as the page docs/soak.md.
import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { root } from './soaked-server.js';

const list = (counts) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';

export function summary({ seed, seconds, tally, faults, memory, descriptors, failures }) {
  const lines = [
    `${seconds} s with seed ${seed}: ${tally.sent} requests, ${tally.answered} answered, slowest ${tally.slowestMs.toFixed(0)} ms`,
    `refused: ${list(tally.refused)}; cut ${tally.cut}; lost to a reset ${tally.resets}; vanished ${tally.vanished.length}; wrong answers ${tally.wrongAnswers.length}`,
    `faults: ${list(faults)}`,
  ];
  if (memory !== undefined) {
    const { earlyMiB, lateMiB, mebibytesPerMinute } = memory;
    lines.push(`memory of the server: ${earlyMiB.toFixed(0)} MiB after the warm-up, ${lateMiB.toFixed(0)} MiB at the end (${mebibytesPerMinute.toFixed(2)} MiB/min)`);
    lines.push(`descriptors: ${descriptors.before} before, ${descriptors.after} after`);
  }
  return [...lines, failures.length === 0 ? 'all of it holds' : ''].join('\n').trimEnd();
}

function commitOf() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}

function machineLine() {
  const commit = commitOf();
  return `${new Date().toISOString().slice(0, 10)}, commit ${commit}: ${cpus().length} × ${cpus()[0].model.trim()}, Linux ${release()}, Node ${process.versions.node}.`;
}

export function reportText(result) {
  const { seconds, seed, clients, tally, faults, memory, descriptors, logLines, failures } = result;
  const rows = Object.entries(tally.refused)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `| \`${code}\` | ${count} | ${result.counted?.[code] ?? 0} |`);
  return [
    '# Soak with faults',
    '',
    `Written by \`node tools/soak/soak.js --${seconds % 60 === 0 ? `minutes ${seconds / 60}` : `seconds ${seconds}`} --seed ${seed} --report docs/soak.md\`.`,
    machineLine(),
    '',
    `${clients} clients ask five models (two with contracts, one that batches, one with several workers, one that sleeps) without a pause and compare every answer; a tenth of`,
    'their requests are wrong on purpose. Beside them workers are killed, requests are cut in the middle, bodies come a byte at a time, too large ones are announced, and',
    'the disk that the log is on is full for a second now and then.',
    '',
    '| what | |',
    '|---|--:|',
    `| requests | ${tally.sent} |`,
    `| answered | ${tally.answered} |`,
    `| wrong answers | ${tally.wrongAnswers.length} |`,
    `| neither answered nor refused | ${tally.vanished.length} |`,
    `| refused for slowness, and the answer lost to a reset | ${tally.resets} |`,
    `| cut by the client | ${tally.cut} |`,
    `| workers killed | ${faults.kills} |`,
    `| times that the disk was full | ${faults.diskFull} |`,
    `| slowest answer | ${tally.slowestMs.toFixed(0)} ms |`,
    `| memory of the server after the warm-up, and at the end | ${memory?.earlyMiB.toFixed(0)} MiB, ${memory?.lateMiB.toFixed(0)} MiB |`,
    `| its slope | ${memory?.mebibytesPerMinute.toFixed(2)} MiB per minute |`,
    `| open descriptors before, and after | ${descriptors?.before}, ${descriptors?.after} |`,
    `| lines of refusals in the log | ${logLines} |`,
    '',
    '| refused with | as clients were told | as the server counted |',
    '|---|--:|--:|',
    ...rows,
    '',
    failures.length === 0 ? 'All of it holds.' : ['What did not hold:', '', ...failures.map((failure) => `- ${failure}`)].join('\n'),
    '',
  ].join('\n');
}
