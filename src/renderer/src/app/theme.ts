import {
  ActionIcon,
  Button,
  type CSSVariablesResolver,
  createTheme,
  Input,
  Loader,
  type MantineThemeOverride,
  Menu,
  Modal,
  mergeThemeOverrides,
  Popover,
  SegmentedControl,
  Tooltip,
} from '@mantine/core'

const FONT = "'Inter Variable', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', system-ui, sans-serif"
const MONO =
  "ui-monospace, 'SF Mono', 'Cascadia Mono', 'Segoe UI Mono', 'DejaVu Sans Mono', 'Liberation Mono', monospace"

/** Grey surfaces, one accent, five sizes of type, no shadow. */
const theme = createTheme({
  primaryColor: 'indigo',
  // Shades on which white text keeps 4.5:1.
  primaryShade: { light: 7, dark: 8 },
  fontFamily: FONT,
  fontFamilyMonospace: MONO,
  fontSizes: { xs: '11px', sm: '12.5px', md: '14px', lg: '20px', xl: '26px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.3', xl: '1.2' },
  headings: {
    fontFamily: FONT,
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '20px', lineHeight: '1.3' },
      h2: { fontSize: '14px', lineHeight: '1.4' },
      h3: { fontSize: '12.5px', lineHeight: '1.4' },
    },
  },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '20px', xl: '24px' },
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '16px' },
  defaultRadius: 'md',
  shadows: { xs: 'none', sm: 'none', md: 'none', lg: 'none', xl: 'none' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  colors: {
    dark: [
      '#d8dade',
      '#bcbfc6',
      '#a0a4ad',
      '#70747d',
      '#3c3f46',
      '#33363c',
      '#27292e',
      '#1e2024',
      '#191a1d',
      '#131416',
    ],
  },
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 30 } }),
    Button: Button.extend({ defaultProps: { size: 'xs' }, styles: { label: { fontWeight: 600 } } }),
    Input: Input.extend({ styles: { input: { fontSize: 12.5 } } }),
    InputWrapper: Input.Wrapper.extend({
      styles: {
        label: { fontSize: 12, marginBottom: 4 },
        description: { fontSize: 11 },
        error: { fontSize: 11 },
      },
    }),
    Loader: Loader.extend({ defaultProps: { size: 'sm', color: 'gray' } }),
    Menu: Menu.extend({
      defaultProps: {
        position: 'bottom-end',
        withinPortal: true,
        // A menu may hold nothing but items: the first one has the focus instead.
        withInitialFocusPlaceholder: false,
        transitionProps: { duration: 80 },
      },
    }),
    Modal: Modal.extend({
      defaultProps: { centered: true, padding: 'lg', transitionProps: { duration: 100 } },
      styles: {
        title: { fontSize: 14, fontWeight: 600 },
        header: { background: 'var(--app-surface)' },
        content: { background: 'var(--app-surface)', border: '1px solid var(--app-border)' },
      },
    }),
    Popover: Popover.extend({ defaultProps: { transitionProps: { duration: 80 } } }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'xs', withItemsBorders: false } }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 350, fz: 'xs', px: 8, py: 4, multiline: true, maw: 420 },
    }),
    Text: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs' } },
    MultiSelect: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    Switch: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    Fieldset: { styles: { root: { marginInline: 0 }, legend: { fontSize: 12, fontWeight: 600 } } },
    Table: { defaultProps: { fz: 'sm', verticalSpacing: 6 } },
    Badge: { defaultProps: { variant: 'default', radius: 'sm', tt: 'none', fw: 500 } },
    Alert: { defaultProps: { variant: 'outline' } },
  },
})

/** The theme with the words it needs in the language of the person. */
export function themeIn(words: { close: string }): MantineThemeOverride {
  const closeButtonProps = { 'aria-label': words.close }
  return mergeThemeOverrides(theme, {
    components: {
      Modal: { defaultProps: { closeButtonProps } },
      Notification: {
        defaultProps: { closeButtonProps },
        // Its own grey is too light to read.
        styles: { description: { color: 'var(--mantine-color-dimmed)' } },
      },
    },
  })
}

/** Colours by meaning, in both themes; everything that shows a state or a device takes them from here. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#5c636b',
    '--mantine-color-placeholder': '#6a7179',
    '--mantine-color-anchor': '#3b5bdb',
    '--mantine-color-error': '#c92a2a',
    '--app-canvas': '#f6f7f8',
    '--app-surface': '#ffffff',
    '--app-border': '#e1e4e8',
    '--app-hover': '#f2f3f5',
    '--app-selected': '#eceef2',
    '--app-track': '#e9ebee',
    '--app-running': '#4263eb',
    '--app-waiting': '#f08c00',
    '--app-queued': '#868e96',
    '--app-succeeded': '#099268',
    '--app-failed': '#e03131',
    '--app-preempted': '#ae3ec9',
    '--app-cpu': '#4263eb',
    '--app-gpu': '#7048e8',
    '--app-memory': '#0c8599',
    '--app-fpga': '#e8590c',
    '--app-npu': '#66a80f',
    '--app-failed-text': '#c92a2a',
    '--app-waiting-text': '#a15c00',
    '--app-succeeded-text': '#087f5b',
  },
  dark: {
    '--mantine-color-dimmed': '#a0a4ad',
    '--mantine-color-placeholder': '#90949d',
    '--mantine-color-anchor': '#91a7ff',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-disabled': '#33363c',
    '--mantine-color-disabled-color': '#8b8f98',
    '--app-canvas': '#1e2024',
    '--app-surface': '#27292e',
    '--app-border': '#383b42',
    '--app-hover': '#2e3036',
    '--app-selected': '#373a41',
    '--app-track': '#3c3f46',
    '--app-running': '#748ffc',
    '--app-waiting': '#fcc419',
    '--app-queued': '#a0a4ad',
    '--app-succeeded': '#20c997',
    '--app-failed': '#ff6b6b',
    '--app-preempted': '#da77f2',
    '--app-cpu': '#748ffc',
    '--app-gpu': '#9775fa',
    '--app-memory': '#22b8cf',
    '--app-fpga': '#ff922b',
    '--app-npu': '#94d82d',
    '--app-failed-text': '#ff8787',
    '--app-waiting-text': '#ffd43b',
    '--app-succeeded-text': '#38d9a9',
  },
})
