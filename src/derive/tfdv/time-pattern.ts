// The form of a date or time, as TFDV has it (strptime's directives), as an RE2 pattern. Only the form: 31 February has a fine form.
const two = '[0-9]{2}';

// What strptime takes, which is more than strftime writes: a leading zero may be missing.
const directives: Readonly<Record<string, string>> = {
  a: '[A-Za-z]{2,9}',
  A: '[A-Za-z]{2,9}',
  b: '[A-Za-z]{3,9}',
  B: '[A-Za-z]{3,9}',
  d: '(?:0?[1-9]|[12][0-9]|3[01])',
  f: '[0-9]{1,9}',
  H: '(?:[01]?[0-9]|2[0-3])',
  I: '(?:0?[1-9]|1[0-2])',
  j: '[0-9]{1,3}',
  m: '(?:0?[1-9]|1[0-2])',
  M: '[0-5]?[0-9]',
  p: '(?:[AaPp][Mm])',
  S: '(?:[0-5]?[0-9]|6[01])',
  s: '[0-9]{1,12}',
  y: two,
  Y: '[0-9]{4}',
  z: '(?:Z|[+-][0-9]{2}:?[0-9]{2})',
  Z: '[A-Za-z]{1,5}',
  '%': '%',
};

const composed: Readonly<Record<string, string>> = { D: '%m/%d/%y', F: '%Y-%m-%d', R: '%H:%M', T: '%H:%M:%S' };

const escaped = (text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');

/** The pattern that the whole string must match; undefined for a directive that is not known, and for a form over 200 characters. */
export function timePattern(format: string): string | undefined {
  if (format.length > 200) return undefined;
  let pattern = '';
  const characters = [...format.replace(/%([DFRT])/g, (_, letter: string) => composed[letter])];
  for (let at = 0; at < characters.length; at++) {
    if (characters[at] !== '%') {
      pattern += escaped(characters[at]);
      continue;
    }
    const directive = characters[++at] ?? '';
    if (!Object.hasOwn(directives, directive)) return undefined;
    pattern += directives[directive];
  }
  return pattern === '' || pattern.length > 1_000 ? undefined : pattern;
}
