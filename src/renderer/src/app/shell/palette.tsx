import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight'
import {
  IconBox,
  IconKeyboard,
  IconLanguage,
  IconPackageImport,
  IconPlayerPlay,
  IconSearch,
  IconSunMoon,
  IconTable,
  IconUserPlus,
} from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { shortId } from '../../../../shared/domain/ids'
import { StateDot } from '../../components'
import { openImport } from '../../features/imports'
import { reasonOf } from '../../features/jobs'
import { useCountedDialog } from '../../lib/dialogs'
import { i18n, useLanguage } from '../../lib/i18n'
import { navigate, PAGES, pathTo } from '../../lib/router'
import { useDatasets, useJobs, useModels } from '../../lib/stores'
import { ROUTES } from '../routes'
import { showShortcuts } from './shortcuts'

const RECENT_JOBS = 50

/** Ctrl+K: every page, model, data set, recent job and action by a few letters. */
export function Palette() {
  const { t } = useTranslation('shell')
  const [opened, setOpened] = useState(false)
  useCountedDialog(opened)
  const groups = useGroups(opened)
  return (
    <Spotlight
      actions={groups}
      shortcut="mod + K"
      highlightQuery
      limit={30}
      scrollable
      maxHeight={420}
      radius="md"
      // A person who is typing somewhere wants it too.
      tagsToIgnore={[]}
      overlayProps={{ blur: 0, backgroundOpacity: 0.45 }}
      transitionProps={{ duration: 80, transition: 'fade' }}
      attributes={{ content: { 'aria-label': t('search') } }}
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
      nothingFound={t('palette.nothing')}
      onSpotlightOpen={() => setOpened(true)}
      onSpotlightClose={() => setOpened(false)}
      searchProps={{
        leftSection: <IconSearch size={17} stroke={1.6} />,
        placeholder: t('search'),
        'aria-label': t('search'),
        size: 'sm',
      }}
    />
  )
}

function useGroups(opened: boolean): SpotlightActionGroupData[] {
  const { t } = useTranslation('shell')
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('dark') === 'dark'
  const { language, choose } = useLanguage()
  // Followed only while it is open: a palette that is closed has no use for a job that changes.
  const items = useJobs((state) => (opened ? state.items : null))
  const models = useModels((state) => (opened ? state.items : null))
  const datasets = useDatasets((state) => (opened ? state.items : null))
  if (!items || !models || !datasets) return []
  const action = (id: string, label: string, icon: ReactNode, onClick: () => void) => ({
    id,
    label,
    leftSection: icon,
    onClick,
  })
  const icon = { size: 17, stroke: 1.6 }
  const jobs = [...items.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).slice(0, RECENT_JOBS)
  return [
    {
      group: t('palette.pages'),
      actions: PAGES.map((page) => {
        const Icon = ROUTES[page].icon
        return action(`page:${page}`, t(`page.${page}`), <Icon {...icon} />, () => navigate(`/${page}`))
      }),
    },
    {
      group: t('palette.actions'),
      actions: [
        action('import', t('palette.import'), <IconPackageImport {...icon} />, openImport),
        action('new-job', t('palette.newJob'), <IconPlayerPlay {...icon} />, () => navigate('/jobs?new')),
        action('add-app', t('palette.addApp'), <IconUserPlus {...icon} />, () => navigate('/access?add')),
        action('theme', t('palette.toggleTheme'), <IconSunMoon {...icon} />, () =>
          setColorScheme(dark ? 'light' : 'dark'),
        ),
        action('language', t('palette.toggleLanguage'), <IconLanguage {...icon} />, () =>
          choose(language === 'zh' ? 'en' : 'zh'),
        ),
        action('shortcuts', t('palette.shortcuts'), <IconKeyboard {...icon} />, showShortcuts),
      ],
    },
    {
      group: t('palette.models'),
      actions: [...models.values()].map((model) =>
        action(`model:${model.name}`, model.name, <IconBox {...icon} />, () =>
          navigate(pathTo('models', model.name)),
        ),
      ),
    },
    {
      group: t('palette.datasets'),
      actions: [...datasets.values()].map((dataset) =>
        action(`dataset:${dataset.name}`, dataset.name, <IconTable {...icon} />, () =>
          navigate(pathTo('data', dataset.name)),
        ),
      ),
    },
    {
      group: t('palette.jobs'),
      actions: jobs.map((job) => ({
        ...action(
          `job:${job.id}`,
          `${job.name} ${shortId(job.id)}`,
          <StateDot state={job.state} quiet />,
          () => navigate(pathTo('jobs', job.id)),
        ),
        description: reasonOf(job)?.text ?? job.model ?? i18n.t(`jobs:kind.${job.kind}`),
      })),
    },
  ]
}
