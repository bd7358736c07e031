// What a model can reach of TensorFlow's published vulnerabilities, as OpenVEX 0.2.0 statements, so that other scanners stop alarming about those that
// it cannot. Only what was judged is stated, and `not_affected` always carries its justification.
import type { AdvisoryVerdict, Report } from '../scan-types.ts';

export function openvexReport(report: Report): string {
  const { target, tensorflow, startedAt, scanner, advisories } = report;
  const document = {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `https://tf-airlock/vex/${encodeURIComponent(target)}/${encodeURIComponent(startedAt)}`,
    author: `airlock ${scanner.version}`,
    timestamp: startedAt,
    version: 1,
    tooling: `airlock ${scanner.version} rules ${scanner.rules.slice(0, 16)}`,
    statements: advisories.map((advisory) => statementOf(advisory, target, tensorflow)),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function statementOf(advisory: AdvisoryVerdict, target: string, tensorflow: string): object {
  const { id, cve, status, justification, why, fixedVersions } = advisory;
  const library = advisory.package === 'tensorflow' ? `pkg:pypi/tensorflow@${tensorflow}` : 'pkg:pypi/keras';
  return {
    vulnerability: { name: cve ?? id, ...(cve === undefined ? {} : { aliases: [id] }) },
    products: [{ '@id': `pkg:generic/${encodeURIComponent(target)}`, subcomponents: [{ '@id': library }] }],
    status,
    ...(justification === undefined ? {} : { justification }),
    ...(status === 'not_affected' ? { impact_statement: why } : { status_notes: why }),
    ...(status === 'affected'
      ? {
          action_statement:
            fixedVersions.length === 0
              ? 'No fixed version is known.'
              : `Use ${library.split('@')[0]} ${fixedVersions.join(' or ')}, or newer.`,
        }
      : {}),
  };
}
