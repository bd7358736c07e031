// The report as a CycloneDX 1.6 bill of materials: the model as a machine-learning-model component with what was read of it, and the published
// vulnerabilities with what the scan says of each (VEX). Made as plain data, because the library's model has no vulnerabilities with analysis.
import { createHash } from 'node:crypto';
import { countedFindings } from '../report/index.ts';
import type { AdvisoryVerdict, Report } from '../scan-types.ts';

const states = { affected: 'exploitable', not_affected: 'not_affected', under_investigation: 'in_triage' } as const;
/** CycloneDX's words for the justifications of VEX. */
const justifications = {
  component_not_present: 'code_not_present',
  vulnerable_code_not_present: 'code_not_present',
  vulnerable_code_not_in_execute_path: 'code_not_reachable',
  vulnerable_code_cannot_be_controlled_by_adversary: 'protected_by_mitigating_control',
} as const;

export function cyclonedxReport(report: Report): string {
  const { target, tensorflow, startedAt, scanner, artifacts, advisories } = report;
  const digest = createHash('sha256').update(JSON.stringify(report)).digest('hex');
  const library = `tensorflow@${tensorflow}`;
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: {
      timestamp: startedAt,
      tools: { components: [{ type: 'application', name: 'airlock', version: scanner.version }] },
      component: {
        type: 'machine-learning-model',
        'bom-ref': 'model',
        name: target,
        properties: [
          { name: 'airlock:scan:verdict', value: report.verdict },
          { name: 'airlock:scan:rules', value: scanner.rules },
          { name: 'airlock:scan:findings', value: String(countedFindings(report).length) },
        ],
      },
    },
    components: [
      ...artifacts.map(({ file, format, bytes, facts }, index) => ({
        type: 'file',
        'bom-ref': `file-${index}`,
        name: file || target,
        properties: [
          { name: 'airlock:format', value: format },
          { name: 'airlock:bytes', value: String(bytes) },
          ...Object.entries(facts).map(([name, value]) => ({ name: `airlock:fact:${name}`, value: String(value) })),
        ],
      })),
      { type: 'library', 'bom-ref': library, name: 'tensorflow', version: tensorflow, purl: `pkg:pypi/tensorflow@${tensorflow}` },
    ],
    dependencies: [{ ref: 'model', dependsOn: [library, ...artifacts.map((_, index) => `file-${index}`)] }],
    vulnerabilities: advisories.map((advisory) => vulnerabilityOf(advisory, library)),
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

function vulnerabilityOf(
  { id, cve, severity, status, justification, why, fixedVersions }: AdvisoryVerdict,
  library: string,
): object {
  return {
    id: cve ?? id,
    ...(cve === undefined ? {} : { references: [{ id, source: { name: 'GitHub Advisory Database' } }] }),
    ratings: [{ severity }],
    ...(fixedVersions.length === 0 ? {} : { recommendation: `Use ${fixedVersions.join(' or ')}, or newer.` }),
    analysis: {
      state: states[status],
      ...(justification === undefined ? {} : { justification: justifications[justification] }),
      detail: why,
    },
    affects: [{ ref: library }],
  };
}

/** A version 8 UUID (RFC 9562) of a digest: the same report has the same number. */
function uuidOf(digest: string): string {
  const hex = `${digest.slice(0, 12)}8${digest.slice(13, 16)}a${digest.slice(17, 32)}`;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
