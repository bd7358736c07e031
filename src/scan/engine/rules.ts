// Rules of the engine itself: about files that no reader understood.
import type { Rule } from '../scan-types.ts';

export const engineRules: readonly Rule[] = [
  {
    id: 'malformed/model-file',
    title: 'A file that is or claims to be a model cannot be read',
    category: 'malformed',
    severity: 'medium',
    effect: 'What another reader makes of it is not known: it may fail, crash, or load something that nobody has looked at.',
    fix: 'Export the model again, or remove the file.',
  },
];
