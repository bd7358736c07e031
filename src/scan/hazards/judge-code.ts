// Code that hides in data: graphs in strings, compiled modules, engines. What can be looked into is looked into; what cannot is said to be.
import { compareSeverity, type Severity } from '../../core/index.ts';
import type { Body } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { moduleCalls } from './module-calls.ts';
import { bytesAttr, stringAttr } from './node-facts.ts';
import { named, reportHazard } from './report-hazard.ts';

/** XlaCallModule: a StableHLO module is opaque, but the native functions that it calls stand in it by name. */
export function judgeModule(c: Case, body: Body, node: number): void {
  const calls = moduleCalls(bytesAttr(body, node, 'module') ?? new Uint8Array());
  let severity: Severity | undefined;
  for (const call of calls) {
    if (call.severity !== undefined && (severity === undefined || compareSeverity(call.severity, severity) > 0))
      severity = call.severity;
  }
  if (severity === undefined) return;
  const targets = calls.filter((call) => call.severity !== undefined).map(({ target }) => target);
  const shown = targets.slice(0, 5).join(', ');
  reportHazard(c, body, node, {
    ruleId: 'code-execution/module-call',
    severity,
    message: `${named(body, node)} runs a StableHLO module that calls native code by custom_call: ${shown}`,
    argument: { name: 'module', value: shown, origin: 'constant-inside' },
  });
}

/** Serialized engines of TensorRT and others: native code that nobody can read here. */
export function judgeEngine(c: Case, body: Body, node: number): void {
  const engine = stringAttr(body, node, 'serialized_segment') ?? '';
  reportHazard(c, body, node, {
    ruleId: 'code-execution/serialized-engine',
    severity: 'high',
    message: `${named(body, node)} loads ${engine === '' ? 'an engine' : `a serialized engine of ${engine.length} bytes`} as native code`,
    argument: { name: 'serialized_segment' },
  });
}
