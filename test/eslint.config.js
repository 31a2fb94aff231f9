import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

const root = fileURLToPath(new URL('..', import.meta.url));

export default tseslint.config(
  { basePath: root, ignores: ['dist/**', 'node_modules/**', 'test/**/*.js', 'test/tui/fixtures/**'] },
  {
    basePath: root,
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: [`${root}test/tsconfig.json`], tsconfigRootDir: root } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-non-null-assertion': 'off', // typed arrays under noUncheckedIndexedAccess
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/prefer-for-of': 'off', // index loops over typed arrays are the point of the hot path
      '@typescript-eslint/no-unnecessary-condition': 'off', // decoders check what types cannot promise
      '@typescript-eslint/no-redundant-type-constituents': 'off', // `Verdict | 'x'` unions document themselves
    },
  },
);
