// Compares what the kernel says of a process with what a set of layers promises. Names what is missing; in doubt it is missing.
import type { Attestation } from './jail.ts';
import type { LayerSet, TriedLayer } from './layers.ts';
import { filtersAreCounted } from './process-status.ts';
import { fixedLimits } from './start-command.ts';

/** A new cgroup namespace is asked for and not demanded: kernels without cgroups have none. */
const demandedNamespaces: readonly string[] = ['ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

/** By the names of /proc/PID/limits. A plain process, too, usually has no core dumps: no limit says much by itself. */
const demandedLimits: Readonly<Record<string, number>> = {
  'Max core file size': fixedLimits.core,
  'Max file size': fixedLimits.fileSize,
  'Max open files': fixedLimits.openFiles,
};

/** How much of these is planned differs from process to process; that there is a limit must show. */
const finiteLimits: readonly string[] = ['Max data size', 'Max address space'];

/** Per layer that does not show in the attestation, why not. Landlock never shows; the process itself must try it. */
export function missingLayers(attestation: Attestation, layers: LayerSet, filters: number): ReadonlyMap<TriedLayer, string> {
  const missing = new Map<TriedLayer, string>();
  const demandedFilters = filtersAreCounted ? filters : Math.min(filters, 1);
  if (layers.has('seccomp') && attestation.filters < demandedFilters) {
    missing.set('seccomp', `seccomp filter on every thread (${Math.max(attestation.filters, 0)} of ${demandedFilters})`);
  }
  if (layers.has('user') && (attestation.userId === 0 || !attestation.withoutCapabilities)) {
    missing.set('user', attestation.userId === 0 ? 'a user other than root' : 'a user without capabilities');
  }
  if (layers.has('namespaces')) {
    const own = attestation.ownNamespaces ?? [];
    const shared = demandedNamespaces.filter((name) => !own.includes(name));
    if (shared.length > 0) missing.set('namespaces', `namespaces of its own (${shared.join(', ')})`);
  }
  if (layers.has('limits')) {
    const lacking = lackingLimits(attestation.limits);
    if (lacking.length > 0) missing.set('limits', `resource limits (${lacking.join(', ')})`);
    if (!attestation.noNewPrivileges) missing.set('limits', 'no_new_privs on every thread');
  }
  return missing;
}

function lackingLimits(limits: Attestation['limits']): string[] {
  return [
    ...Object.keys(demandedLimits).filter((name) => limits[name] !== String(demandedLimits[name])),
    ...finiteLimits.filter((name) => !Number.isFinite(Number(limits[name]))),
  ];
}
