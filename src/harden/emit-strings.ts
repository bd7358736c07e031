// Writes the checks of strings as nodes: lengths, patterns, and the bytes of all strings together.

import type { CheckEmitter } from './check-emitter.ts';
import { boolAttribute, textAttribute, typeAttribute } from './graph-attributes.ts';
import type { ValueCheck } from './graph-checks.ts';

export function emitMatch(
  emitter: CheckEmitter,
  value: string,
  check: Extract<ValueCheck, { kind: 'match' | 'length' | 'totalBytes' }>,
  name: string,
): void {
  const { scope, prefix } = emitter;
  const at = `${prefix}/${name}`;
  const flat = emitter.flat(value);
  if (check.kind === 'match') {
    const matches = scope.add(`${at}/matches`, 'StaticRegexFullMatch', [flat], { pattern: textAttribute(check.pattern) });
    emitter.assert(name, scope.all(`${at}/all`, matches), check);
    return;
  }
  const unit = check.kind === 'length' ? check.unit : 'BYTE';
  const lengths = scope.add(`${at}/lengths`, 'StringLength', [flat], { unit: textAttribute(unit) });
  if (check.kind === 'length') {
    const limit = scope.scalar(`${at}/limit`, 'DT_INT32', check.value);
    const holds = scope.add(`${at}/holds`, check.comparison, [lengths, limit], { T: typeAttribute('DT_INT32') });
    emitter.assert(name, scope.all(`${at}/all`, holds), check);
    return;
  }
  const casts = { SrcT: typeAttribute('DT_INT32'), DstT: typeAttribute('DT_INT64'), Truncate: boolAttribute(false) };
  const wide = scope.add(`${at}/wide`, 'Cast', [lengths], casts);
  const axis = scope.constant(`${at}/axis`, 'DT_INT32', [0], [1]);
  const sums = { T: typeAttribute('DT_INT64'), Tidx: typeAttribute('DT_INT32'), keep_dims: boolAttribute(false) };
  const total = scope.add(`${at}/total`, 'Sum', [wide, axis], sums);
  const limit = scope.scalar(`${at}/limit`, 'DT_INT64', check.max);
  emitter.assert(name, scope.add(`${at}/holds`, 'LessEqual', [total, limit], { T: typeAttribute('DT_INT64') }), check);
}
