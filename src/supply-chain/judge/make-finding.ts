// One finding, with what its rule says where nothing else is said. Text from the project is made printable here, once.
import { printable, type Severity } from '../../core/index.ts';
import { type RuleName, ruleOf } from '../rules.ts';
import type { Finding, Place } from '../supply-chain-types.ts';

export function makeFinding(
  rule: RuleName,
  given: {
    readonly place: Place;
    readonly message: string;
    readonly fix: string;
    readonly severity?: Severity;
    readonly package?: string;
    readonly version?: string | undefined;
    readonly advisories?: readonly string[];
  },
): Finding {
  const { id, severity, why } = ruleOf(rule);
  const { place, message, fix, version, advisories } = given;
  return {
    ruleId: id,
    severity: given.severity ?? severity,
    place: { file: printable(place.file, 512), line: place.line },
    ...(given.package === undefined ? {} : { package: printable(given.package, 128) }),
    ...(version === undefined ? {} : { version: printable(version, 64) }),
    message: printable(message, 400),
    why,
    fix: printable(fix, 600),
    ...(advisories === undefined ? {} : { advisories: advisories.slice(0, 200) }),
  };
}
