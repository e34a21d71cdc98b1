import { Button, type ButtonProps, Menu } from '@mantine/core'
import { IconFile, IconFolder, IconUpload } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { chooseAndImport } from '../lib/imports'

/** Brings a model in by the system's dialog: a file or a folder. */
export function ImportButton(props: ButtonProps) {
  const { t } = useTranslation('shell')
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button leftSection={<IconUpload size={15} stroke={1.6} />} {...props}>
          {t('import')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconFile size={17} stroke={1.6} />} onClick={() => chooseAndImport('file')}>
          <div>{t('importFile')}</div>
          <div style={{ fontSize: 11, color: 'var(--mantine-color-dimmed)' }}>{t('importFileText')}</div>
        </Menu.Item>
        <Menu.Item
          leftSection={<IconFolder size={17} stroke={1.6} />}
          onClick={() => chooseAndImport('folder')}
        >
          <div>{t('importFolder')}</div>
          <div style={{ fontSize: 11, color: 'var(--mantine-color-dimmed)' }}>{t('importFolderText')}</div>
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
