// Compiles Fixtures.sol into fixtures.json, which is committed: tests need no compiler.
//
//   npm install --no-save --prefix /tmp/contracts solc@0.8.37 @openzeppelin/contracts@5.7.0
//   node tests/contracts/build.mjs /tmp/contracts
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const modules = join(resolve(process.argv[2]), 'node_modules');
const solc = createRequire(join(modules, 'here.js'))('solc');
const folder = import.meta.dirname;

const input = {
  language: 'Solidity',
  sources: { 'Fixtures.sol': { content: readFileSync(join(folder, 'Fixtures.sol'), 'utf8') } },
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 200 },
    // Without a hash of the sources in the code, the same sources give the same file everywhere.
    metadata: { bytecodeHash: 'none' },
    outputSelection: { 'Fixtures.sol': { '*': ['evm.bytecode.object', 'evm.methodIdentifiers'] } },
  },
};
const output = JSON.parse(
  solc.compile(JSON.stringify(input), {
    import: (path) => ({ contents: readFileSync(join(modules, path), 'utf8') }),
  }),
);
for (const { formattedMessage, severity } of output.errors ?? []) {
  console.error(formattedMessage);
  if (severity === 'error') process.exit(1);
}
const fixtures = {};
for (const [name, { evm }] of Object.entries(output.contracts['Fixtures.sol'])) {
  fixtures[name] = { bytecode: `0x${evm.bytecode.object}`, methods: evm.methodIdentifiers };
}
writeFileSync(join(folder, 'fixtures.json'), `${JSON.stringify(fixtures, null, 2)}\n`);
