// Becomes a program as a container runtime would start it: fewer capabilities, a filter on system calls, no_new_privs. Only what bears on
// a jail inside is imitated: whether namespaces can be made and Landlock be asked. Usage: node enter-container.mjs SETTINGS program …
import { compileFilter } from '../../../dist/jail/compile-filter.js';
import { callNumber, hostArchitecture } from '../../../dist/jail/index.js';
import { int, rulesFor } from '../../../dist/jail/rules.js';
import { becomeProgram, installFilter, keepDescriptors, noNewPrivileges, systemCall } from '../../../dist/kernel/index.js';

const [settings, program, ...args] = process.argv.slice(2);
const { refuseNamespaces, hideLandlock, keptCapabilities, newPrivileges } = JSON.parse(settings);

// CLONE_NEWTIME is no flag of clone; the others are: cgroup, uts, ipc, user, pid, net and mount.
const namespaceFlags = 0x7e020000;
const anyButNamespaces = int(0, [0], ~namespaceFlags >>> 0);

// As Docker's default profile has it for a process without CAP_SYS_ADMIN. clone3 is refused as unknown, because a filter cannot see its
// flags, and the C library falls back to clone.
const namespaceRules = [
  ...rulesFor('EPERM', ['unshare'], 'the profile'),
  ...rulesFor('allow', ['clone'], 'the profile', { when: [anyButNamespaces] }),
  ...rulesFor('EPERM', ['clone'], 'the profile'),
  ...rulesFor('ENOSYS', ['clone3'], 'the profile'),
  ...rulesFor('EPERM', ['io_uring_setup'], 'the profile'),
];
const rules = [
  ...(refuseNamespaces ? namespaceRules : []),
  ...(hideLandlock ? rulesFor('ENOSYS', ['landlock_create_ruleset'], 'as a kernel without Landlock answers') : []),
];

if (!newPrivileges) noNewPrivileges();
if (rules.length > 0) installFilter(compileFilter({ rules, otherwise: 'allow' }, hostArchitecture()), { allThreads: false });
const capabilityCount = 41;
const dropFromBoundingSet = 24;
for (let capability = 0; keptCapabilities !== undefined && capability < capabilityCount; capability++) {
  if (keptCapabilities.includes(capability)) continue;
  // SAFETY: numbers only. A kernel with fewer capabilities refuses the last ones, which it does not have.
  systemCall(callNumber('prctl', hostArchitecture()), dropFromBoundingSet, capability);
}
// Node marks its own to be closed at execve, the standard ones too.
keepDescriptors(3);
becomeProgram(program, args, { PATH: process.env.PATH ?? '/usr/bin:/bin' });
