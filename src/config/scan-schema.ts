// The scan section of airlock.yaml: what a scan refuses, when it is repeated, and who is told. Absent means the defaults: every version is scanned
// before it is loaded.

import { z } from 'zod';
import { type Severity, severities } from '../core/index.ts';
import type { ScanConfig } from './config-types.ts';
import { field, isLoopback, plainText, wholeNumber } from './fields.ts';
import { parseSchedule } from './schedule.ts';
import { duration } from './trust-fields.ts';

function severity() {
  return field('severity', `one of ${severities.join(', ')}`, (value): Severity | undefined =>
    severities.find((known) => known === value),
  );
}

export function schedule() {
  return field(
    'schedule',
    'a cron expression with five fields such as "30 3 * * *", @hourly, @daily, @weekly or never',
    (value) => (typeof value === 'string' && parseSchedule(value) !== undefined ? value : undefined),
  );
}

function webhookUrl() {
  return field('url', 'an https URL without user and password, or http on a loopback address', (value) => {
    if (typeof value !== 'string' || value.length > 2_048 || !URL.canParse(value)) return undefined;
    const { protocol, hostname, username, password } = new URL(value);
    const isPlainLoopback = protocol === 'http:' && isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
    return (protocol === 'https:' || isPlainLoopback) && username === '' && password === '' ? value : undefined;
  });
}

const webhook = z.strictObject({ url: webhookUrl(), secretFile: plainText('a path', 4_096) });

export const scanSchema = z.strictObject({
  refuseAt: severity().prefault('high'),
  unsafeOff: z.boolean().default(false),
  suppressions: plainText('a path', 4_096).exactOptional(),
  timeoutMs: wholeNumber(1_000, 3_600_000).default(120_000),
  memoryMiB: wholeNumber(256, 64 * 1024).default(1_024),
  schedule: schedule().prefault('@daily'),
  jitterMs: duration().default(3_600_000),
  webhook: webhook.exactOptional(),
});

/** What an airlock.yaml without a scan section says. */
export const defaultScanConfig: ScanConfig = scanSchema.parse({});

export const scanKeys: readonly (readonly [string, readonly string[]])[] = [
  ['scan', Object.keys(scanSchema.shape)],
  ['scan.webhook', Object.keys(webhook.shape)],
];
