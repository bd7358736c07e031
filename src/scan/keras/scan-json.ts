// Architectures in JSON (`model.to_json()`), of all versions of Keras, and the same in YAML. YAML is looked through for what makes objects, and
// not parsed: only Keras before 2.6 reads it, with a loader that calls whatever a tag names.
import { AirlockError, printable } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { readBytecodeText } from './bytecode.ts';
import { judgeKerasText } from './judge-text.ts';
import { KerasReporter } from './keras-report.ts';

const maxBytes = 256 * 1024 ** 2;

/** Scans a JSON architecture. */
export function scanKerasJson(source: Source, context: ScanContext): void {
  if (source.sizeBytes > maxBytes)
    throw new AirlockError('MODEL_INVALID', { message: `${printable(source.name, 200)} is too large` });
  const judged = judgeKerasText(source.read(0, source.sizeBytes), { file: source.name, pointer: '' }, context);
  context.artifact({
    file: source.name,
    format: 'keras-json',
    bytes: source.sizeBytes,
    facts: judged === undefined ? {} : { layers: judged.layers },
  });
}

const yamlTag =
  /!!?(?:<tag:yaml\.org,2002:)?python\/[\w/]{1,40}(?::[\w.]{1,200})?|!<?tag:yaml\.org,2002:python\/[\w/:.]{1,240}|%TAG\s[^\n]{1,200}/g;
const yamlClass = /class_name:\s{0,20}['"]?(Lambda|TFSMLayer|TorchModuleWrapper|TFOpLambda|__lambda__)\b/g;
const yamlCode = /['"]?((?:4w|Yw)[A-Za-z0-9+/\\\s]{60,}={0,2})/g;
const maxMatches = 100;

/** Scans a YAML architecture. */
export function scanKerasYaml(source: Source, context: ScanContext): void {
  if (source.sizeBytes > maxBytes)
    throw new AirlockError('MODEL_INVALID', { message: `${printable(source.name, 200)} is too large` });
  const text = source.read(0, source.sizeBytes).toString('utf8');
  const reporter = new KerasReporter(context, { file: source.name, pointer: '' });
  let count = 0;
  for (const [tag] of text.matchAll(yamlTag)) {
    if (++count > maxMatches) break;
    const isHarmless = /python\/(?:tuple|str|unicode|int|long|float|bool|none|list|dict|bytes|complex)$/.test(tag);
    reporter.report(undefined, {
      rule: 'code-execution/yaml-tag',
      severity: isHarmless ? 'info' : tag.startsWith('%TAG') ? 'medium' : 'critical',
      message: isHarmless
        ? `${source.name} has the YAML tag ${tag}`
        : `The YAML tag ${tag} in ${source.name} makes or calls a Python object when the model is loaded`,
      argument: { name: 'tag', value: tag },
    });
  }
  for (const [, name] of text.matchAll(yamlClass)) {
    if (++count > maxMatches) break;
    reporter.report(undefined, {
      rule:
        name === 'TorchModuleWrapper'
          ? 'code-execution/torch-module'
          : name === 'TFSMLayer'
            ? 'code-execution/tfsm-layer'
            : 'code-execution/keras-function',
      severity: name === 'TFOpLambda' || name === 'Lambda' ? 'low' : 'high',
      message: `${source.name} has a layer of class ${name}`,
      argument: { name: 'class_name', value: name },
    });
  }
  for (const [, code] of text.matchAll(yamlCode)) {
    if (++count > maxMatches) break;
    const found = readBytecodeText(code.replace(/\\n|[\\\s]/g, ''));
    if (found === undefined) continue;
    reporter.report(undefined, {
      rule: 'code-execution/keras-lambda',
      message: `${source.name} holds ${found.sizeBytes} bytes of Python bytecode that names ${found.telling.join(', ') || 'nothing telling'} (Lambda layer)`,
    });
  }
  context.artifact({ file: source.name, format: 'keras-yaml', bytes: source.sizeBytes, facts: {} });
}
