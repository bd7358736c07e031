// The rule by which published vulnerabilities become findings; which of them, is data.
import type { Rule } from '../scan-types.ts';

export const advisoryRules: readonly Rule[] = [
  {
    id: 'advisory/reachable',
    title: 'A published vulnerability is within reach of the model',
    category: 'advisory',
    severity: 'high',
    effect: 'Who controls the model, or a request to it, can use a fault of this TensorFlow that is public.',
    fix: 'Run the model with a TensorFlow that has the fix.',
    sources: ['data/tensorflow-advisories.json'],
  },
];
