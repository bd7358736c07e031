// Settings that change where packages come from: environment variables, options of pip, uv, poetry and conda, keys of pip.conf. One table for every
// file that can hold them.
import type { IndexOption } from '../supply-chain-types.ts';

/** Options of pip and of uv that take a value. */
export const indexOptions: ReadonlyMap<string, IndexOption> = new Map([
  ['-i', 'index-url'],
  ['--index-url', 'index-url'],
  ['--pypi-url', 'index-url'],
  ['--default-index', 'index-url'],
  ['--extra-index-url', 'extra-index-url'],
  ['--index', 'extra-index-url'],
  ['-f', 'find-links'],
  ['--find-links', 'find-links'],
  ['--trusted-host', 'trusted-host'],
  ['--allow-insecure-host', 'trusted-host'],
]);

/** Variables of the environment; pip and uv take several values with blanks between them. */
export const indexVariables: ReadonlyMap<string, IndexOption> = new Map([
  ['PIP_INDEX_URL', 'index-url'],
  ['PIP_EXTRA_INDEX_URL', 'extra-index-url'],
  ['PIP_FIND_LINKS', 'find-links'],
  ['PIP_TRUSTED_HOST', 'trusted-host'],
  ['UV_INDEX_URL', 'index-url'],
  ['UV_DEFAULT_INDEX', 'index-url'],
  ['UV_EXTRA_INDEX_URL', 'extra-index-url'],
  ['UV_INDEX', 'extra-index-url'],
  ['UV_FIND_LINKS', 'find-links'],
  ['UV_INSECURE_HOST', 'trusted-host'],
  ['PIPENV_PYPI_MIRROR', 'index-url'],
]);

/** Keys of pip.conf, also as `pip config set global.KEY`. */
export const indexKeys: ReadonlyMap<string, IndexOption> = new Map([
  ['index-url', 'index-url'],
  ['index_url', 'index-url'],
  ['extra-index-url', 'extra-index-url'],
  ['extra_index_url', 'extra-index-url'],
  ['find-links', 'find-links'],
  ['find_links', 'find-links'],
  ['trusted-host', 'trusted-host'],
  ['trusted_host', 'trusted-host'],
]);

/** Further options with a value, of which nothing follows; without them their values would be read as packages. */
export const valueOptions: ReadonlySet<string> = new Set([
  '-t', '--target', '--platform', '--python-version', '--implementation', '--abi', '--prefix', '--root', '--src', '--cache-dir', '--timeout',
  '--retries', '--proxy', '--cert', '--client-cert', '--progress-bar', '-b', '--build', '--upgrade-strategy', '--config-settings', '-C',
  '--config-setting', '--global-option', '--build-option', '--install-option', '--report', '--log', '--root-user-action', '--exists-action', '--use-feature',
  '--use-deprecated', '--python', '-p', '--no-binary', '--only-binary', '-d', '--dest', '-w', '--wheel-dir', '--keyring-provider', '--extra', '--group',
  '--only-group', '--torch-backend', '--index-strategy', '--resolution', '--prerelease', '--exclude-newer', '--link-mode', '--package', '--directory',
  '--project', '--source', '-G', '--optional', '--categories', '--suffix', '--pip-args', '-n', '--name', '--override', '--overrides', '--refresh-package',
  '--reinstall-package', '--upgrade-package', '-P', '--python-platform', '--env-file', '--branch', '--tag', '--rev', '--solver', '--experimental-solver',
]); // biome-ignore format: a list of options

export const requirementFileOptions: ReadonlySet<string> = new Set([
  '-r',
  '--requirement',
  '--requirements',
  '--with-requirements',
]);
export const constraintFileOptions: ReadonlySet<string> = new Set([
  '-c',
  '--constraint',
  '--constraints',
  '--build-constraint',
  '--build-constraints',
]);
