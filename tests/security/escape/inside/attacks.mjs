// Every attack that is tried inside of a jail, as if an attacker owned the worker: arbitrary JavaScript and native calls.
//
//   name       unique
//   shows      what somebody gains by it
//   attempt    makes it, given the targets; throws what refused it, or gives false when it had no effect
//   needs      what a machine may lack for it to work even without a jail; where it does not work, the tests say so
//   apart      why it works nowhere, or hardly anywhere; it is tried in jails only
//   exitCode   with which the process ends when the attack worked, where it cannot say so
//   withoutCode  is refused only to workers that may make no executable memory
import { fileAttacks } from './attacks-files.mjs';
import { kernelAttacks } from './attacks-kernel.mjs';
import { memoryAttacks } from './attacks-memory.mjs';
import { networkAttacks } from './attacks-network.mjs';
import { processAttacks } from './attacks-processes.mjs';

export const attacks = [...fileAttacks, ...networkAttacks, ...processAttacks, ...memoryAttacks, ...kernelAttacks];
