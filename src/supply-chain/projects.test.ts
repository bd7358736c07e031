// Whole projects, as people really have them: good ones must be clean and bad ones must give exactly these findings. Versions that are good today are
// taken from the data, so that new releases and advisories do not make the tests lie; bad ones are bad for ever.
import { describe, expect, it } from 'vitest';
import { commit, hash, sha256 } from '../../tests/support/supply-chain-hashes.ts';
import { auditFiles, linesOf, type ProjectFiles } from '../../tests/support/supply-chain-run.ts';

const { tensorflow: tf, keras } = auditFiles({}).data;

const uvLock = (version: string, more = '') => `version = 1
revision = 2
requires-python = ">=3.11"

[[package]]
name = "my-app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "tensorflow" }]

[[package]]
name = "tensorflow"
version = "${version}"
source = { registry = "https://pypi.org/simple" }
wheels = [
    { url = "https://files.pythonhosted.org/packages/aa/tensorflow-${version}-cp311.whl", hash = "sha256:${sha256}", size = 1 },
]
${more}`;

const poetryLock = (
  version: string,
  files = `[{file = "tensorflow.whl", hash = "sha256:${sha256}"}]`,
  source = '',
) => `[[package]]
name = "tensorflow"
version = "${version}"
description = "TensorFlow"
optional = false
python-versions = ">=3.9"
files = ${files}
${source}
[metadata]
lock-version = "2.1"
python-versions = "^3.11"
content-hash = "x"
`;

const pyproject = (dependency: string) => `[project]
name = "my-app"
version = "0.1.0"
dependencies = [
    "numpy>=2",
    "${dependency}",
]
`;

const good: readonly (readonly [string, ProjectFiles])[] = [
  ['nothing', {}],
  [
    'no TensorFlow, and everything loose',
    {
      'requirements.txt': '--extra-index-url https://download.example/whl\ntorch\nnumpy>=1\n',
      Dockerfile: 'FROM python:3.12\nRUN curl https://x.example/i.sh | sh && pip install flask\n',
    },
  ],
  [
    'compiled requirements',
    {
      'requirements.in': 'tensorflow\nkeras>=3\n',
      'requirements.txt': `--index-url https://pypi.org/simple\nkeras==${keras} \\\n    ${hash}\n    # via tensorflow\ntensorflow==${tf} \\\n    ${hash} \\\n    ${hash}\n`,
    },
  ],
  ['requirements with CRLF and a mark', { 'requirements.txt': `\ufefftensorflow-cpu==${tf} \\\r\n    ${hash} # c\r\n` }],
  ['requirements in UTF-16 of PowerShell', { 'requirements.txt': Buffer.from(`\ufefftensorflow==${tf} ${hash}\r\n`, 'utf16le') }],
  ['uv', { 'pyproject.toml': pyproject('tensorflow>=2.16'), 'uv.lock': uvLock(tf) }],
  [
    'a workspace of uv',
    {
      'pyproject.toml': '[tool.uv.workspace]\nmembers = ["a"]\n',
      'uv.lock': uvLock(tf),
      'a/pyproject.toml': pyproject('tensorflow'),
    },
  ],
  [
    'poetry',
    { 'pyproject.toml': '[tool.poetry.dependencies]\npython = "^3.11"\ntensorflow = "^2.16"\n', 'poetry.lock': poetryLock(tf) },
  ],
  [
    'old poetry',
    {
      'pyproject.toml': '[tool.poetry.dependencies]\ntensorflow = "*"\n',
      'poetry.lock': `[[package]]\nname = "tensorflow"\nversion = "${tf}"\n\n[metadata]\nlock-version = "1.1"\n\n[metadata.files]\ntensorflow = [{file = "a.whl", hash = "sha256:${sha256}"}]\n`,
    },
  ],
  [
    'pipenv',
    {
      Pipfile: '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n[packages]\ntensorflow = "*"\n',
      'Pipfile.lock': JSON.stringify(
        {
          _meta: { sources: [{ name: 'pypi', url: 'https://pypi.org/simple', verify_ssl: true }] },
          default: { tensorflow: { hashes: [`sha256:${sha256}`], version: `==${tf}` } },
          develop: {},
        },
        undefined,
        2,
      ),
    },
  ],
  [
    'pdm',
    {
      'pyproject.toml': pyproject('tensorflow'),
      'pdm.lock': `[metadata]\nlock_version = "4.5"\n\n[[package]]\nname = "tensorflow"\nversion = "${tf}"\nfiles = [{file = "a.whl", hash = "sha256:${sha256}"}]\n`,
    },
  ],
  [
    'pylock',
    {
      'pylock.toml': `lock-version = "1.0"\ncreated-by = "x"\n\n[[packages]]\nname = "tensorflow"\nversion = "${tf}"\nindex = "https://pypi.org/simple"\nwheels = [{name = "a.whl", url = "https://files.pythonhosted.org/a.whl", hashes = {sha256 = "${sha256}"}}]\n`,
    },
  ],
  [
    'an image by digest, with compiled requirements',
    {
      Dockerfile: `# syntax=docker/dockerfile:1\nARG TF=${tf}\nFROM tensorflow/tensorflow:\${TF}-gpu@sha256:${sha256} AS base\nCOPY requirements.txt /tmp/\nRUN --mount=type=cache,target=/root/.cache pip install --require-hashes -r /tmp/requirements.txt\nFROM base\nCMD ["python"]\n`,
      'requirements.txt': `keras==${keras} ${hash}\n`,
    },
  ],
  [
    'CI that installs from the lock',
    {
      '.github/workflows/ci.yml':
        'on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: |\n          python -m pip install --require-hashes -r requirements.txt\n          pytest\n',
      'requirements.txt': `tensorflow==${tf} ${hash}\n`,
    },
  ],
  [
    'an environment folder and installed packages',
    {
      '.venv/requirements.txt': 'tensorflow==1.0\n',
      'env/pyvenv.cfg': 'home = /usr\n',
      'env/lib/requirements.txt': 'tensorflow==1.0\n',
      'lib/site-packages/x/requirements.txt': 'tensorflow==1.0\n',
      'node_modules/x/Dockerfile': 'FROM tensorflow/tensorflow\n',
    },
  ],
  ['relatives only', { 'requirements.txt': 'tensorflow-datasets\nkeras-tuner==1.4.7\ntf-keras\ntensorboard>=2\n' }],
  [
    'a wheel of the official host by digest',
    {
      'requirements.txt': `tensorflow @ https://files.pythonhosted.org/packages/tensorflow-${tf}-cp311-cp311-manylinux_2_27_x86_64.whl#sha256=${sha256}\n`,
    },
  ],
  [
    'an explicit index for another package',
    {
      'pyproject.toml': `${pyproject('tensorflow')}\n[[tool.uv.index]]\nname = "cu"\nurl = "https://download.example/whl"\nexplicit = true\n\n[tool.uv.sources]\ntorch = { index = "cu" }\n`,
      'uv.lock': uvLock(tf),
    },
  ],
];

const bad: readonly (readonly [string, ProjectFiles, readonly string[]])[] = [
  ['no version', { 'requirements.txt': '# models\ntensorflow\n' }, ['requirements.txt:2 unpinned high']],
  [
    'an open range',
    { 'requirements.txt': 'tensorflow>=2.16\n' },
    ['requirements.txt:1 allows-vulnerable low', 'requirements.txt:1 unpinned high'],
  ],
  [
    'a range that ends before the fixes',
    { 'requirements.txt': 'tensorflow>=2.4,<2.10  # old\n' },
    ['requirements.txt:1 outdated medium', 'requirements.txt:1 unpinned high', 'requirements.txt:1 vulnerable critical'],
  ],
  ['a pin without a digest', { 'requirements.txt': `tensorflow==${tf}\n` }, ['requirements.txt:1 unhashed medium']],
  [
    'an old version, locked well',
    { 'requirements.txt': `tensorflow==2.9.1 ${hash}\n` },
    ['requirements.txt:1 outdated medium', 'requirements.txt:1 vulnerable critical'],
  ],
  ['a look-alike', { 'requirements.txt': 'numpy\ntensorfow==2.0\n' }, ['requirements.txt:2 look-alike high']],
  ['a foreign letter', { 'requirements.txt': 'tensоrflow\n' }, ['requirements.txt:1 look-alike high']],
  [
    'the GPU package',
    { 'requirements.txt': `tensorflow-gpu==2.10.0 ${hash}\n` },
    ['requirements.txt:1 dead-name medium', 'requirements.txt:1 outdated medium', 'requirements.txt:1 vulnerable critical'],
  ],
  [
    'builds by others',
    { 'requirements.txt': 'tf-nightly\ntensorflow-rocm\nintel-tensorflow==2.9.1\n' },
    [
      'requirements.txt:1 nightly high',
      'requirements.txt:2 unofficial medium',
      'requirements.txt:3 outdated medium',
      'requirements.txt:3 unofficial medium',
      'requirements.txt:3 vulnerable critical',
    ],
  ],
  ['a local label', { 'requirements.txt': `tensorflow==${tf}+nv25.1 ${hash}\n` }, ['requirements.txt:1 unofficial medium']],
  [
    'indexes without digests',
    {
      'requirements.txt': `-i http://mirror.example/simple\n--extra-index-url https://two.example/simple\n--trusted-host mirror.example\n--find-links https://links.example/\ntensorflow==${tf}\n`,
    },
    [
      'requirements.txt:1 insecure-index high',
      'requirements.txt:2 extra-index high',
      'requirements.txt:3 trusted-host high',
      'requirements.txt:4 find-links high',
      'requirements.txt:5 unhashed medium',
    ],
  ],
  [
    'indexes with digests',
    {
      'requirements.txt': `--index-url=https://mirror.example/simple\n--extra-index-url https://two.example/simple\ntensorflow==${tf} ${hash}\n`,
    },
    ['requirements.txt:1 other-index low', 'requirements.txt:2 extra-index low'],
  ],
  [
    'a repository and an address',
    {
      'requirements.txt': `git+https://github.com/tensorflow/tensorflow.git@master\ntensorflow @ git+https://github.com/tensorflow/tensorflow@${commit}\nhttps://x.example/tensorflow-${tf}-cp311-cp311-linux_x86_64.whl\n./wheels/tensorflow-${tf}-cp311-cp311-linux_x86_64.whl\n`,
    },
    [
      'requirements.txt:1 NOT-JUDGED',
      'requirements.txt:1 direct-source high',
      'requirements.txt:2 NOT-JUDGED',
      'requirements.txt:2 direct-source medium',
      'requirements.txt:3 direct-source high',
      'requirements.txt:3 unhashed medium',
      'requirements.txt:4 direct-source medium',
    ],
  ],
  [
    'included files',
    {
      'requirements/dev.txt': '-r base.txt\n-c ../constraints.txt\npytest\n',
      'requirements/base.txt': 'tensorflow\n',
      'constraints.txt': 'tensorflow==2.9.1\n',
    },
    ['constraints.txt:1 outdated medium', 'constraints.txt:1 vulnerable critical', 'requirements/base.txt:1 unpinned high'],
  ],
  [
    'a constraint that pins',
    { 'requirements.txt': '-c constraints.txt\ntensorflow\n', 'constraints.txt': `tensorflow==${tf}\n` },
    ['requirements.txt:2 unhashed medium'],
  ],
  [
    'an include from outside',
    { 'requirements.txt': '-r ../../etc/requirements.txt\n-r missing.txt\n-r https://x.example/r.txt\n' },
    ['requirements.txt:1 NOT-JUDGED', 'requirements.txt:2 NOT-JUDGED', 'requirements.txt:3 NOT-JUDGED'],
  ],
  [
    'a library without a lock',
    { 'pyproject.toml': pyproject('tensorflow>=2.16') },
    ['pyproject.toml:6 allows-vulnerable low', 'pyproject.toml:6 unpinned medium'],
  ],
  [
    'a lock with an old version',
    { 'pyproject.toml': pyproject('tensorflow'), 'uv.lock': uvLock('2.9.1') },
    ['pyproject.toml:6 unpinned info', 'uv.lock:12 outdated medium', 'uv.lock:12 vulnerable critical'],
  ],
  [
    'a lock that does not fit',
    { 'pyproject.toml': pyproject('tensorflow<2.10'), 'uv.lock': uvLock(tf) },
    ['pyproject.toml:6 stale-lock medium'],
  ],
  [
    'a lock without TensorFlow',
    { 'pyproject.toml': pyproject('keras'), 'uv.lock': uvLock(tf) },
    ['pyproject.toml:6 stale-lock medium', 'pyproject.toml:6 unpinned medium'],
  ],
  [
    'a poetry lock without digests, from elsewhere',
    {
      'pyproject.toml':
        '[tool.poetry.dependencies]\ntensorflow = "^2.16"\n\n[[tool.poetry.source]]\nname = "x"\nurl = "https://x.example/simple"\n',
      'poetry.lock': poetryLock(
        tf,
        '[]',
        '[package.source]\ntype = "legacy"\nurl = "https://x.example/simple"\nreference = "x"\n',
      ),
    },
    [
      'poetry.lock:2 other-index medium',
      'poetry.lock:2 unhashed medium',
      'pyproject.toml:2 unpinned info',
      'pyproject.toml:6 extra-index high',
    ],
  ],
  [
    'groups, extras, uv, hatch and build requirements',
    {
      'pyproject.toml': `[build-system]\nrequires = ["setuptools", "tensorflow==2.9.1"]\n\n[project]\nname = "x"\n[project.optional-dependencies]\ngpu = ["tensorflow[and-cuda]==${tf}"]\n\n[dependency-groups]\ntest = ["tensorfow", {include-group = "x"}]\n\n[tool.uv.sources]\nkeras = { git = "https://github.com/keras-team/keras" }\n\n[tool.hatch.envs.default]\ndependencies = ["tf-nightly"]\n`,
    },
    [
      'pyproject.toml:10 look-alike high',
      'pyproject.toml:13 NOT-JUDGED',
      'pyproject.toml:13 direct-source high',
      'pyproject.toml:16 nightly high',
      'pyproject.toml:2 outdated medium',
      'pyproject.toml:2 unhashed low',
      'pyproject.toml:2 vulnerable critical',
      'pyproject.toml:7 unhashed low',
    ],
  ],
  [
    'setup.cfg and setup.py',
    {
      'setup.cfg':
        '[options]\ninstall_requires =\n    numpy\n    tensorflow>=2.16  # c\n\n[options.extras_require]\nall = keras\n',
      'setup.py':
        'from setuptools import setup\nsetup(\n  name="x",  # install_requires=[]\n  install_requires=[\n    "tensorflow-gpu",\n  ],\n  extras_require={"keras": ["keras"]},\n  tests_require=read("x"),\n)\n',
    },
    [
      'setup.cfg:4 allows-vulnerable low',
      'setup.cfg:4 unpinned medium',
      'setup.cfg:7 unpinned medium',
      'setup.py:5 dead-name medium',
      'setup.py:7 unpinned medium',
      'setup.py:8 NOT-JUDGED',
    ],
  ],
  [
    'conda',
    {
      'environment.yml': `name: x\nchannels: [conda-forge]\ndependencies:\n  - python=3.11\n  - tensorflow=2.15\n  - pip\n  - pip:\n      - keras==${keras}\n      - tensorflow-hub\n`,
    },
    [
      'environment.yml:5 conda-build medium',
      'environment.yml:5 outdated medium',
      'environment.yml:5 unpinned medium',
      'environment.yml:5 vulnerable high',
      'environment.yml:8 unhashed medium',
    ],
  ],
  [
    'conda-lock',
    {
      'conda-lock.yml': `version: 1\npackage:\n- name: tensorflow\n  version: 2.9.1\n  manager: conda\n  platform: linux-64\n  url: https://conda.anaconda.org/conda-forge/linux-64/tensorflow-2.9.1-cpu_py39.tar.bz2\n  hash: {md5: x, sha256: ${sha256}}\n`,
    },
    ['conda-lock.yml:3 conda-build medium', 'conda-lock.yml:3 outdated medium', 'conda-lock.yml:3 vulnerable critical'],
  ],
  [
    'an image by tag',
    { Dockerfile: `FROM --platform=linux/amd64 tensorflow/tensorflow:${tf}-gpu-jupyter\n` },
    ['Dockerfile:1 image-tag medium'],
  ],
  [
    'images',
    {
      Dockerfile:
        'FROM tensorflow/tensorflow:2.9.1\nFROM tensorflow/tensorflow:latest-gpu\nFROM tensorflow/tensorflow:nightly\nFROM nvcr.io/nvidia/tensorflow:24.01-tf2-py3\nFROM tensorf1ow/tensorflow:1\nFROM tensorflow/tensorflow\n',
    },
    [
      'Dockerfile:1 image-tag medium',
      'Dockerfile:1 outdated medium',
      'Dockerfile:1 vulnerable critical',
      'Dockerfile:2 image-unpinned high',
      'Dockerfile:3 nightly high',
      'Dockerfile:4 image-tag medium',
      'Dockerfile:4 image-unofficial medium',
      'Dockerfile:5 look-alike high',
      'Dockerfile:6 image-unpinned high',
    ],
  ],
  [
    'a Dockerfile that does everything',
    {
      Dockerfile: `ARG TF_VERSION=2.12.0\nFROM python:3.11-slim AS build\nENV PIP_EXTRA_INDEX_URL="https://two.example/simple" A=1\nARG TF_VERSION\nRUN apt-get update && \\\n    # tools\n    curl -fsSL https://x.example/install.sh | sudo bash -s -- -y \\\n    && pip3 install --no-cache-dir 'numpy<2' "tensorflow==$TF_VERSION"; rm -rf /x\nRUN ["pip", "install", "keras"]\nRUN <<EOF\nset -e\npython3 -m pip install tensorfow\nEOF\nRUN bash -c "pip install tf-nightly"\nRUN pip install $PACKAGES\nFROM build\n`,
    },
    [
      'Dockerfile:12 look-alike high',
      'Dockerfile:14 nightly high',
      'Dockerfile:15 NOT-JUDGED',
      'Dockerfile:2 base-image-tag low',
      'Dockerfile:3 extra-index high',
      'Dockerfile:7 piped-script medium',
      'Dockerfile:8 outdated medium',
      'Dockerfile:8 unhashed medium',
      'Dockerfile:8 vulnerable high',
      'Dockerfile:9 unpinned high',
    ],
  ],
  [
    'an unquoted bound, which a shell takes for a file',
    { Dockerfile: `FROM python@sha256:${sha256}\nRUN pip install tensorflow>=2.16\n` },
    ['Dockerfile:2 unpinned high'],
  ],
  [
    'a Dockerfile that weakens compiled requirements',
    {
      Dockerfile: `FROM python@sha256:${sha256}\nCOPY requirements.txt .\nRUN pip install --trusted-host x.example -r requirements.txt\n`,
      'requirements.txt': `tensorflow==${tf}\n`,
    },
    ['Dockerfile:3 trusted-host high', 'requirements.txt:1 unhashed medium'],
  ],
  [
    'a matrix of GitHub',
    {
      '.github/workflows/ci.yml':
        // biome-ignore lint/suspicious/noTemplateCurlyInString: what a file of the project holds
        'on: push\njobs:\n  test:\n    strategy:\n      matrix:\n        tf: ["2.9.1", "2.12.0"]\n        include:\n          - tf: 2.11.0\n    steps:\n      - name: install\n        run: |\n          set -e\n          pip install "tensorflow==${{ matrix.tf }}"\n      - run: pip install keras==${{ inputs.keras }}\n',
    },
    [
      '.github/workflows/ci.yml:13 outdated medium',
      '.github/workflows/ci.yml:13 outdated medium',
      '.github/workflows/ci.yml:13 outdated medium',
      '.github/workflows/ci.yml:13 unhashed medium',
      '.github/workflows/ci.yml:13 unhashed medium',
      '.github/workflows/ci.yml:13 unhashed medium',
      '.github/workflows/ci.yml:13 vulnerable critical',
      '.github/workflows/ci.yml:13 vulnerable critical',
      '.github/workflows/ci.yml:13 vulnerable high',
      '.github/workflows/ci.yml:14 NOT-JUDGED',
    ],
  ],
  [
    'GitLab and CircleCI',
    {
      '.gitlab-ci.yml':
        'image: tensorflow/tensorflow:2.9.1\nvariables:\n  PIP_INDEX_URL: http://mirror.example/simple\ntest:\n  script:\n    - pip install keras\n',
      '.circleci/config.yml':
        'version: 2.1\njobs:\n  build:\n    docker:\n      - image: cimg/python:3.11\n    steps:\n      - run:\n          name: x\n          command: |\n            uv pip install tensorflow\n',
    },
    [
      '.circleci/config.yml:10 unpinned high',
      '.gitlab-ci.yml:1 image-tag medium',
      '.gitlab-ci.yml:1 outdated medium',
      '.gitlab-ci.yml:1 vulnerable critical',
      '.gitlab-ci.yml:3 insecure-index high',
      '.gitlab-ci.yml:6 unpinned high',
    ],
  ],
  [
    'tox, nox, make and Jenkins',
    {
      'tox.ini':
        '[tox]\nenvlist = py311\n\n[testenv]\ndeps =\n    pytest\n    tf29: tensorflow==2.9.1\n    -r {toxinidir}/requirements.txt\nsetenv =\n    PIP_TRUSTED_HOST = x.example\ncommands = pip install keras\n',
      'requirements.txt': 'numpy\n',
      'noxfile.py': 'import nox\n\n@nox.session\ndef tests(session):\n    session.install("pytest", "tensorflow")\n',
      Makefile: 'TF := tensorflow==2.9.1\nPIP = pip3\n\ninstall:\n\t@$(PIP) install $(TF)\n',
      Jenkinsfile:
        'pipeline {\n  stages {\n    stage("x") {\n      steps {\n        sh """\n          pip install tensorfow\n        """\n        sh \'pip install keras\'\n      }\n    }\n  }\n}\n',
    },
    [
      'Jenkinsfile:6 look-alike high',
      'Jenkinsfile:8 unpinned high',
      'Makefile:5 outdated medium',
      'Makefile:5 unhashed medium',
      'Makefile:5 vulnerable critical',
      'noxfile.py:5 unpinned high',
      'tox.ini:10 trusted-host high',
      'tox.ini:11 unpinned high',
      'tox.ini:7 outdated medium',
      'tox.ini:7 unhashed medium',
      'tox.ini:7 vulnerable critical',
    ],
  ],
  [
    'other tools on a command line',
    {
      'install.sh': `#!/bin/bash\nset -e\nVERSION=2.9.1\npoetry add tensorflow@^2.9\nuv add 'keras==${keras}'\npipenv install tensorflow==$VERSION\nconda install -c conda-forge -y tensorflow==2.9.1\nuv run --with tensorflow python x.py\necho pip install tensorfow-is-not-installed\nif ! pip show x; then pip install tensorfow; fi\n`,
    },
    [
      'install.sh:10 look-alike high',
      'install.sh:4 allows-vulnerable low',
      'install.sh:4 unpinned high',
      'install.sh:5 unhashed medium',
      'install.sh:6 outdated medium',
      'install.sh:6 unhashed medium',
      'install.sh:6 vulnerable critical',
      'install.sh:7 conda-build medium',
      'install.sh:7 outdated medium',
      'install.sh:7 unhashed medium',
      'install.sh:7 vulnerable critical',
      'install.sh:8 unpinned high',
    ],
  ],
  [
    'pip.conf for the whole project',
    {
      'pip.conf':
        '[global]\nindex-url = https://mirror.example/simple\nextra-index-url =\n    https://a.example/simple\n    https://pypi.org/simple\n',
      'app/requirements.txt': 'tensorflow==2.9.1\n',
    },
    [
      'app/requirements.txt:1 outdated medium',
      'app/requirements.txt:1 unhashed medium',
      'app/requirements.txt:1 vulnerable critical',
      'pip.conf:2 other-index medium',
      'pip.conf:4 extra-index high',
    ],
  ],
  [
    'a pipenv without checks',
    {
      Pipfile:
        '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = false\nname = "pypi"\n\n[packages]\ntensorflow = {version = "==2.9.1", extras = ["and-cuda"]}\n',
    },
    ['Pipfile:2 trusted-host high', 'Pipfile:7 outdated medium', 'Pipfile:7 unhashed low', 'Pipfile:7 vulnerable critical'],
  ],
  [
    'files that cannot be read',
    {
      'pyproject.toml': 'x = [',
      'poetry.lock': '{}',
      'uv.lock': 'a = 1',
      'Pipfile.lock': '[]',
      'requirements.txt': new Uint8Array([0xff, 0xff, 0x00]),
      'environment.yml': 'a: [',
      '.gitlab-ci.yml': '- {',
      'pixi.toml': '[dependencies]\ntensorflow = "*"\n',
    },
    [
      '.gitlab-ci.yml:1 NOT-JUDGED',
      'Pipfile.lock:1 NOT-JUDGED',
      'environment.yml:1 NOT-JUDGED',
      'pixi.toml:2 NOT-JUDGED',
      'poetry.lock:1 NOT-JUDGED',
      'pyproject.toml:1 NOT-JUDGED',
      'requirements.txt:1 NOT-JUDGED',
      'uv.lock:1 NOT-JUDGED',
    ],
  ],
  [
    'lines that are no requirements',
    { 'requirements.txt': '<<<<<<< HEAD\ntensorflow=2.1\n' },
    ['requirements.txt:1 NOT-JUDGED', 'requirements.txt:2 NOT-JUDGED'],
  ],
  [
    'a version that nobody knows, and a candidate',
    { 'requirements.txt': `tensorflow==99.0.0 ${hash}\nkeras==99.1rc1 ${hash}\n` },
    [
      'requirements.txt:1 unknown-version medium',
      'requirements.txt:2 prerelease low',
      'requirements.txt:2 unknown-version medium',
    ],
  ],
];

describe('good projects', () => {
  it.each(good)('%s', (_, files) => {
    const report = auditFiles(files);
    expect(linesOf(report).filter((line) => !line.endsWith(' info'))).toEqual([]);
    expect(report.verdict).toBe('clean');
  });
});

describe('bad projects', () => {
  it.each(bad)('%s', (_, files, expected) => {
    const report = auditFiles(files);
    expect(linesOf(report)).toEqual([...expected].sort());
    expect(report.verdict).not.toBe(expected.some((line) => / (?:high|critical|NOT-JUDGED)$/.test(line)) ? 'clean' : 'refused');
    for (const { fix, why, fingerprint } of report.findings) {
      expect(fix).not.toBe('');
      expect(why).toMatch(/\.$/);
      expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
    }
  });
});
