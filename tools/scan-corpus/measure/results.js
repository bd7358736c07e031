// Writes what was measured as Markdown: who names which hazard, what is refused wrongly, by format and by category, and every miss by name.

/** @typedef {import('./judge.js').Entry} Entry */
/** @typedef {import('./judge.js').Judged} Judged */

/**
 * @param {Entry[]} entries
 * @param {Map<string, Map<string, Judged>>} scanners by name, then by id
 * @param {Record<string, string>} facts
 */
export function resultsText(entries, scanners, facts) {
  const attacks = entries.filter(({ kind }) => kind === 'attack');
  const benign = entries.filter(({ kind }) => kind === 'benign');
  const fired = attacks.filter(({ fires }) => fires);
  const sections = [
    '# What the scanners say about the corpus',
    Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`).join('\n'),
    'named: a finding of medium or above, beyond what the same scanner says about a plain dense model, names the operation or feature. ' +
      'exact: it also has the right category and the value of the argument (categories are Airlock\'s, so the peers are not held to them). ' +
      'trigger: of those that were seen in TensorFlow (FIRES.md), as it was seen there. not read: the scanner says that it could not read it. One rule for all.',
    table(
      ['scanner', 'attacks flagged', 'named', 'exact', 'trigger', 'not read', 'clean attacks', 'false positives', 'benign not read'],
      [...scanners].map(([name, judged]) => [
        name,
        ratio(attacks, judged, ({ any }) => any),
        ratio(attacks, judged, ({ named }) => named),
        ratio(attacks, judged, ({ exact }) => exact),
        name === 'airlock' ? ratio(fired, judged, ({ trigger }) => trigger) : '–',
        count(attacks, judged, ({ failed, any }) => failed && !any),
        count(attacks, judged, ({ failed, any }) => !failed && !any),
        ratio(benign, judged, ({ any }) => any),
        count(benign, judged, ({ failed }) => failed),
      ]),
    ),
    ...['format', 'category'].flatMap((key) => [`## Named, by ${key}`, grouped(entries, scanners, /** @type {'format'} */ (key))]),
    ...[...scanners].slice(0, 1).flatMap(([name, judged]) => misses(name, attacks, benign, judged)),
  ];
  return `${sections.join('\n\n')}\n`;
}

/**
 * @param {string} name
 * @param {Entry[]} attacks
 * @param {Entry[]} benign
 * @param {Map<string, Judged>} judged
 */
function misses(name, attacks, benign, judged) {
  const list = (/** @type {Entry[]} */ entries, /** @type {(one: Judged) => boolean} */ wanted) =>
    entries.filter(({ id }) => wanted(at(judged, id))).map(({ id }) => id);
  const wrong = benign.filter(({ id }) => at(judged, id).any);
  return [
    `## ${name}: what it misses`,
    `Not named (${list(attacks, ({ named }) => !named).length}): ${list(attacks, ({ named }) => !named).join(', ') || 'none'}`,
    `Named, but not exact: ${list(attacks, ({ named, exact }) => named && !exact).join(', ') || 'none'}`,
    `Exact, with another trigger: ${list(
      attacks.filter(({ fires }) => fires),
      ({ exact, trigger }) => exact && !trigger,
    ).join(', ') || 'none'}`,
    `Attacks that are clean: ${list(attacks, ({ any, failed }) => !any && !failed).join(', ') || 'none'}`,
    `Benign, not read: ${list(benign, ({ failed }) => failed).join(', ') || 'none'}`,
    `False positives: ${wrong.map(({ id }) => `${id} (${[...new Set(at(judged, id).notable.map(({ rule }) => rule))].join(', ')})`).join(', ') || 'none'}`,
  ];
}

/**
 * @param {Entry[]} entries
 * @param {Map<string, Map<string, Judged>>} scanners
 * @param {'format' | 'category'} key
 */
function grouped(entries, scanners, key) {
  const keys = [...new Set(entries.filter(({ kind }) => kind === 'attack').map((entry) => entry[key] ?? ''))].sort();
  return table(
    [key, 'attacks', ...scanners.keys(), ...(key === 'format' ? ['benign', ...[...scanners.keys()].map((name) => `FP ${name}`)] : [])],
    keys.map((value) => {
      const those = entries.filter((entry) => entry[key] === value && entry.kind === 'attack');
      const good = entries.filter((entry) => entry[key] === value && entry.kind === 'benign');
      const named = [...scanners.values()].map((judged) => count(those, judged, (one) => one.named));
      const wrong = [...scanners.values()].map((judged) => count(good, judged, ({ any }) => any));
      return [value, String(those.length), ...named, ...(key === 'format' ? [String(good.length), ...wrong] : [])];
    }),
  );
}

/**
 * @param {Map<string, Judged>} judged
 * @param {string} id
 */
function at(judged, id) {
  return judged.get(id) ?? { any: false, named: false, exact: false, trigger: false, failed: true, notable: [] };
}

/**
 * @param {Entry[]} entries
 * @param {Map<string, Judged>} judged
 * @param {(one: Judged) => boolean} wanted
 */
function count(entries, judged, wanted) {
  return String(entries.filter(({ id }) => wanted(at(judged, id))).length);
}

/**
 * @param {Entry[]} entries
 * @param {Map<string, Judged>} judged
 * @param {(one: Judged) => boolean} wanted
 */
function ratio(entries, judged, wanted) {
  const found = Number(count(entries, judged, wanted));
  return `${found}/${entries.length} (${(found / Math.max(1, entries.length)).toFixed(3)})`;
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
