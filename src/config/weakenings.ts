// Says which protections a configuration opens. The server prints these lines at start: nobody should find out from an incident.
import { printable } from '../core/index.ts';
import type { Config } from './config-types.ts';
import { isLoopback } from './fields.ts';
import type { TrustConfig } from './trust-types.ts';

const unprotected = {
  'seccomp-only': 'behind seccomp filters alone, and what gets past those can do all that the user can who started this server',
  none: 'as programs like any other, where a hostile model can do all that the user can who started this server',
} as const;

/** One line per protection that is weaker than its default; empty when none is. */
export function weakenings(config: Config): string[] {
  const lines: string[] = [];
  const { rest, unsafeListenBeyondLoopback } = config.listen;
  if (unsafeListenBeyondLoopback) {
    const where = isLoopback(rest.host) ? 'though the address is loopback now' : `on ${rest.host}`;
    lines.push(
      `listen.unsafeListenBeyondLoopback: other machines may reach this server, ${where}, and it asks nobody who they are`,
    );
  }
  if ('unsafeLevel' in config.sandbox) {
    const { unsafeLevel } = config.sandbox;
    lines.push(`sandbox.unsafeLevel: ${unsafeLevel}: workers run ${unprotected[unsafeLevel]}`);
  }
  if (config.scan.unsafeOff) lines.push('scan.unsafeOff: true: models are loaded without being scanned');
  if (config.trust !== undefined) lines.push(...trustWeakenings(config.trust));
  for (const model of config.models) {
    const name = printable(model.name, 128);
    if (model.unsafeUnsigned) {
      lines.push(
        `models.${name}.unsafeUnsigned: true: whoever can write its folder decides what runs; nobody's signature is asked for`,
      );
    }
    if (model.shapes === 'compat')
      lines.push(`models.${name}.shapes: compat: shapes that the signature does not name are accepted`);
    if (model.nonFinite === 'allow') lines.push(`models.${name}.nonFinite: allow: NaN and Infinity are accepted and answered`);
  }
  return lines;
}

function trustWeakenings({ signers, policies }: TrustConfig): string[] {
  const lines: string[] = [];
  for (const [name, { accept }] of Object.entries(signers)) {
    if (accept.length > 0)
      lines.push(`trust.signers.${name}.accept: ${accept.join(', ')}: old forms of bundles count for this signer`);
  }
  for (const [name, { binding, rollback }] of Object.entries(policies)) {
    const place = `trust.policies.${name}`;
    if (binding === 'unsafeNone') {
      lines.push(
        `${place}.binding: unsafeNone: a model that was signed may be served under any name and version that the policy allows`,
      );
    }
    if (rollback === 'unsafeAllow') {
      lines.push(
        `${place}.rollback: unsafeAllow: an older version that was signed may come back, and a version may change its content`,
      );
    }
  }
  return lines;
}
