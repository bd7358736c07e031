// Every rule of this folder. Texts only, so that they can be printed without the code that applies them.
import type { Rule } from '../scan-types.ts';
import { fileAndNetworkRules } from './rules-files.ts';
import { formRules } from './rules-form.ts';
import { runRules } from './rules-run.ts';

export const hazardRules: readonly Rule[] = [...fileAndNetworkRules, ...runRules, ...formRules];
