// A JSON document of Keras: parsed once, what two parsers would read differently is said, and every reading of it is judged.
import { AirlockError } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { ConfigPlace } from './config-frame.ts';
import type { JsonValue } from './json-types.ts';
import { type ConfigFacts, type JudgeConfigOptions, judgeKerasConfig } from './judge-config.ts';
import { KerasReporter } from './keras-report.ts';
import { readJson } from './read-json.ts';

/** No model has as many; Python stops at about 1000. */
const oddDepth = 250;

export interface JudgedText extends ConfigFacts {
  readonly value: JsonValue;
}

/** Judges a document. Undefined when it cannot be read, which is said as a finding and as `unreadable`. */
export function judgeKerasText(
  bytes: Buffer,
  place: ConfigPlace,
  context: ScanContext,
  options: JudgeConfigOptions = {},
): JudgedText | undefined {
  const reporter = new KerasReporter(context, place, options.root);
  const where = place.pointer === '' ? place.file : `${place.file} ${place.pointer}`;
  try {
    const { value, duplicateKeys, shadowed, depth, encoding } = readJson(bytes, { name: where });
    for (const pointer of duplicateKeys.slice(0, 10)) {
      context.report({
        ruleId: 'parser-differential/duplicate-json-key',
        severity: 'medium',
        trigger: 'load-python',
        message: `${where} has the key ${pointer} twice: Python takes the last value, other readers the first`,
        location: { file: place.file, path: `${place.pointer}${pointer}` },
        chain: [],
        argument: { name: 'key', value: pointer },
      });
    }
    if (encoding !== 'utf-8' && encoding !== 'utf-8-sig') {
      reporter.report(undefined, {
        rule: 'parser-differential/json-encoding',
        message: `${where} is JSON in ${encoding}, which Python reads and other readers do not`,
      });
    }
    if (depth > oddDepth) {
      reporter.report(undefined, {
        rule: 'malformed/keras-config',
        message: `${where} nests ${depth} lists and objects: readers run out of stack`,
      });
    }
    const facts = judgeKerasConfig(value, place, context, options);
    for (const { pointer, value: hidden } of shadowed) {
      judgeKerasConfig(hidden, { ...place, pointer: `${place.pointer}${pointer}` }, context, options);
    }
    return { ...facts, value };
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    const isDeep = error.violations[0]?.rule === 'maxDepth';
    const message = isDeep
      ? `${where} nests more than 1000 lists and objects: readers run out of stack (depth bomb)`
      : error.message;
    reporter.report(undefined, { rule: 'malformed/keras-config', message });
    context.unreadable(place.file, error.message);
    return undefined;
  }
}
