import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

const ignores = ['**/dist/**', '**/node_modules/**', '.tap/**', 'data/**', 'coverage/**', 'test/vectors/**', 'docs/**']

/** Everything that core may not have: it is pure and synchronous, and runs in Node, in the browser and in the chaincode. */
const purity = {
  'no-restricted-globals': ['error', ...[
    'Buffer', 'process', 'global', 'globalThis', 'window', 'document', 'navigator', 'crypto', 'performance', 'fetch', 'console',
    'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'require', 'module', '__dirname', '__filename'
  ].map((name) => ({ name, message: 'core has no I/O, no clock, no randomness and no environment' }))],
  'no-restricted-syntax': ['error',
    { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: 'core is given the time' },
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'core is given the time' },
    { selector: "CallExpression[callee.name='Date']", message: 'core is given the time' },
    { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'core is given randomness' },
    { selector: 'AwaitExpression', message: 'core is synchronous; a top-level await would also break require() in the chaincode' },
    { selector: ':function[async=true]', message: 'core is synchronous' },
    { selector: 'ForOfStatement[await=true]', message: 'core is synchronous' },
    { selector: 'ImportExpression', message: 'core imports statically' },
    { selector: "MemberExpression[object.type='MetaProperty']", message: 'core knows no location' }
  ]
}

export default [
  { ignores },
  ...neostandard({ ts: true }),
  {
    name: 'steelyard/style',
    rules: {
      'no-void': ['error', { allowAsStatement: true }],
      '@stylistic/comma-dangle': ['error', 'never'],
      '@stylistic/max-len': ['error', { code: 150, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }]
    }
  },
  ...tseslint.config({
    name: 'steelyard/types',
    files: ['src/**/*.ts', 'network/**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ['error', 10],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', prefer: 'type-imports' }],
      // Numbers print themselves unambiguously.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // It refuses the spread of strings, which here are alphabets and ASCII.
      '@typescript-eslint/no-misused-spread': 'off',
      // `void promise` says that nobody waits, on purpose.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { args: 'after-used', ignoreRestSiblings: true }],
      'no-unused-vars': 'off'
    }
  }),
  { name: 'steelyard/core-is-pure', files: ['src/core/**/*.ts'], rules: purity },
  {
    // Rows of cases read better in one line each.
    name: 'steelyard/tests',
    files: ['test/**/*.ts'],
    rules: { '@stylistic/max-len': ['error', { code: 180, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }] }
  },
  {
    name: 'steelyard/chaincode',
    files: ['chaincode/**/*.ts'],
    rules: {
      // `ctx` becomes a transaction parameter when Context is only a type: fabric-contract-api reads the emitted metadata.
      '@typescript-eslint/consistent-type-imports': 'off'
    }
  },
  {
    name: 'steelyard/browser',
    files: ['src/web/**/*.js', 'test/browser/**/*.js'],
    languageOptions: { globals: Object.fromEntries(['window', 'document', 'navigator', 'location', 'fetch', 'Worker', 'self'].map((name) => [name, 'readonly'])) }
  }
]
