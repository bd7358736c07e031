// Says which protections a configuration opens. The server prints these lines at start: nobody should find out from an incident.
import { printable } from '../core/index.ts';
import type { Config } from './config-types.ts';
import { isLoopback } from './fields.ts';

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
  for (const model of config.models) {
    const name = printable(model.name, 128);
    if (model.shapes === 'compat')
      lines.push(`models.${name}.shapes: compat: shapes that the signature does not name are accepted`);
    if (model.nonFinite === 'allow') lines.push(`models.${name}.nonFinite: allow: NaN and Infinity are accepted and answered`);
  }
  return lines;
}
