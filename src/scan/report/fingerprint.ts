// Names a finding so that the next scan of the same model gives it the same name: for baselines and suppressions. It must not depend on
// wording, severity or the order of nodes, which change from one version of Airlock to the next.
import { createHash } from 'node:crypto';
import type { Finding } from '../scan-types.ts';

/** 16 hex characters over the rule, the place and the argument. */
export function fingerprintOf({ ruleId, location, argument }: Finding): string {
  const { file, metaGraph, function: name, node, op, path } = location;
  // TensorFlow numbers functions anew in each export: __inference_f_12 and __inference_f_34 are one.
  const stableName = name?.replace(/_\d+$/, '');
  const parts = [ruleId, file, metaGraph, stableName, node, op, path, argument?.name, argument?.value];
  return createHash('sha256')
    .update(JSON.stringify(parts.map((part) => part ?? '')))
    .digest('hex')
    .slice(0, 16);
}
