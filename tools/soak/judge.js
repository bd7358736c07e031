// What must hold after a soak: no wrong answer, nothing that vanished, the same counts on both sides, memory that is flat, and nothing left open.

/** Of the samples' medians: the last quarter may have so much more than the one after the warm-up. Code that is compiled, and the heap's own rhythm. */
const maxGrowthShare = 0.1;
const maxGrowthMiB = 24;
/** Of the bodies that came too slowly: answers that a reset took with it. */
const maxResetShare = 0.005;
/** Sockets that wait for their end, a worker that is just being started. */
const maxMoreDescriptors = 24;

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** MiB per minute, by least squares. */
function slope(samples) {
  const meanX = samples.reduce((sum, { minutes }) => sum + minutes, 0) / samples.length;
  const meanY = samples.reduce((sum, { mebibytes }) => sum + mebibytes, 0) / samples.length;
  let products = 0;
  let squares = 0;
  for (const { minutes, mebibytes } of samples) {
    products += (minutes - meanX) * (mebibytes - meanY);
    squares += (minutes - meanX) ** 2;
  }
  return squares === 0 ? 0 : products / squares;
}

/** @param {{ minutes: number, mebibytes: number }[]} samples of the server's memory */
export function judgeMemory(samples) {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const values = (from, to) => samples.slice(from, to).map(({ mebibytes }) => mebibytes);
  const earlyMiB = median(values(quarter, 2 * quarter));
  const lateMiB = median(values(-quarter));
  const allowedMiB = earlyMiB * (1 + maxGrowthShare) + maxGrowthMiB;
  return { earlyMiB, lateMiB, allowedMiB, mebibytesPerMinute: slope(samples.slice(quarter)), isFlat: lateMiB <= allowedMiB };
}

/** Codes whose counts differ: what clients were told, and what the server says it said. A request that was cut was told nothing. */
export function judgeCounts(tally, counted) {
  const told = { ...tally.refused };
  if (tally.cut > 0) told.REQUEST_INCOMPLETE = (told.REQUEST_INCOMPLETE ?? 0) + tally.cut;
  if (tally.resets > 0) told.REQUEST_TIMEOUT = (told.REQUEST_TIMEOUT ?? 0) + tally.resets;
  return [...new Set([...Object.keys(told), ...Object.keys(counted)])]
    .filter((code) => (told[code] ?? 0) !== (counted[code] ?? 0))
    .map((code) => `${code}: clients ${told[code] ?? 0}, server ${counted[code] ?? 0}`);
}

/** Everything that does not hold, in words. */
export function failures({ tally, ended, memory, differences, descriptors, logLines, faults }) {
  const found = [];
  const list = (title, texts) => found.push(...texts.map((text) => `${title}: ${text}`));
  if (ended !== undefined) found.push(`the server ${ended}`);
  list('wrong answer', tally.wrongAnswers);
  list('wrong refusal', tally.wrongRefusals);
  list('vanished', tally.vanished);
  list('counts differ', differences);
  if (tally.resets > Math.max(1, maxResetShare * faults.slow)) found.push(`${tally.resets} answers to slow bodies were lost`);
  if (tally.answered === 0) found.push('nothing was answered');
  if (faults.kills === 0) found.push('no worker was killed');
  if (!memory.isFlat) {
    const { earlyMiB, lateMiB, allowedMiB } = memory;
    found.push(`memory grew from ${earlyMiB.toFixed(0)} to ${lateMiB.toFixed(0)} MiB, ${allowedMiB.toFixed(0)} allowed`);
  }
  if (descriptors.after > descriptors.before + maxMoreDescriptors)
    found.push(`${descriptors.before} descriptors became ${descriptors.after}`);
  // Lines may only be missing where the disk was full.
  const refusals = Object.values(tally.refused).reduce((sum, count) => sum + count, 0) + tally.cut + tally.resets;
  if (faults.diskFull === 0 && logLines !== refusals) found.push(`${refusals} refusals, ${logLines} lines of them in the log`);
  if (logLines > refusals || logLines === 0) found.push(`${refusals} refusals, ${logLines} lines of them in the log`);
  return found;
}
