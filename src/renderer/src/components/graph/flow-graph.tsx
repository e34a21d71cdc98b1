import '@xyflow/react/dist/base.css'
import { ActionIcon, Tooltip, useComputedColorScheme } from '@mantine/core'
import { IconFocusCentered, IconMinus, IconPlus } from '@tabler/icons-react'
import {
  Controls,
  type Node,
  type NodeProps,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  ViewportPortal,
} from '@xyflow/react'
import { memo, useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { RouteLink } from '../../lib/router'
import { StateDot } from '../state-dot'
import { type EdgeLine, edgeLines } from './edge-lines'
import classes from './graph.module.css'
import { NODE_HEIGHT, NODE_WIDTH, type Place, placeNodes } from './layout'
import type { GraphNode, GraphProps } from './types'

type FlowNode = Node<{ node: GraphNode; faded: boolean; chosen: boolean }, 'plain'>

function PlainNode({ data, positionAbsoluteX, positionAbsoluteY }: NodeProps<FlowNode>) {
  const { setCenter, getZoom } = useReactFlow()
  const { node } = data
  const content = (
    <>
      <span className={classes['label']} title={node.label}>
        {node.state && <StateDot state={node.state} quiet />}
        <bdi className={classes['cut']}>{node.label}</bdi>
      </span>
      <span className={classes['second']} title={node.second}>
        {node.second}
      </span>
    </>
  )
  const look = {
    className: classes['node'],
    'data-faded': data.faded || undefined,
    'data-chosen': data.chosen || undefined,
  }
  // Who comes here by keyboard must see where they are.
  const follow = () =>
    void setCenter(positionAbsoluteX + NODE_WIDTH / 2, positionAbsoluteY + NODE_HEIGHT / 2, {
      zoom: getZoom(),
    })
  return node.to === undefined ? (
    <div {...look}>{content}</div>
  ) : (
    <RouteLink
      to={node.to}
      {...look}
      draggable={false}
      onFocus={(event) => {
        if (event.currentTarget.matches(':focus-visible')) follow()
      }}
    >
      {content}
    </RouteLink>
  )
}

const NODE_TYPES = { plain: PlainNode }

function Zoom() {
  const { t } = useTranslation('common')
  const { zoomIn, zoomOut, fitView } = useReactFlow()
  const buttons = [
    { label: t('graph.in'), Icon: IconPlus, act: zoomIn },
    { label: t('graph.out'), Icon: IconMinus, act: zoomOut },
    { label: t('graph.fit'), Icon: IconFocusCentered, act: fitView },
  ]
  return (
    <Controls
      className={classes['zoom'] ?? ''}
      showZoom={false}
      showFitView={false}
      showInteractive={false}
      position="bottom-right"
    >
      {buttons.map(({ label, Icon, act }) => (
        <Tooltip key={label} label={label}>
          <ActionIcon variant="default" size={26} aria-label={label} onClick={() => void act()}>
            <Icon size={15} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      ))}
    </Controls>
  )
}

/** The edges, which lead nowhere and have no words: the list of the graph says them. */
const Lines = memo(function Lines({ lines }: { lines: readonly EdgeLine[] }) {
  return (
    <ViewportPortal>
      <svg className={classes['lines']} aria-hidden>
        {lines.map(({ id, look, path }) => (
          <path key={id} data-look={look} d={path} />
        ))}
      </svg>
    </ViewportPortal>
  )
})

function useFlow({ nodes, edges, highlighted }: GraphProps): { nodes: FlowNode[]; lines: EdgeLine[] } {
  // A state that changes does not move anything.
  const shape = JSON.stringify([nodes.map(({ id }) => id), edges])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape is what the layout depends on
  const places = useMemo(
    () =>
      placeNodes(
        nodes.map(({ id }) => id),
        edges,
      ),
    [shape],
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same shape has the same edges
  const lines = useMemo(() => edgeLines(edges, places, highlighted), [places, highlighted])
  const placed = useMemo(() => {
    const flowNodes = nodes.map((node) => flowNode(node, places.get(node.id), highlighted))
    // The keyboard goes through them as the eye does.
    return flowNodes.sort((a, b) => a.position.x - b.position.x || a.position.y - b.position.y)
  }, [nodes, places, highlighted])
  return { nodes: useSameWhereEqual(placed), lines }
}

function flowNode(
  node: GraphNode,
  place: Place | undefined,
  highlighted: GraphProps['highlighted'],
): FlowNode {
  const chosen = highlighted?.has(node.id) ?? false
  return {
    id: node.id,
    type: 'plain',
    position: { x: (place?.x ?? 0) - NODE_WIDTH / 2, y: (place?.y ?? 0) - NODE_HEIGHT / 2 },
    data: { node, faded: highlighted !== undefined && !chosen, chosen },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    draggable: false,
    connectable: false,
    selectable: false,
  }
}

/** Nodes that are as before are the same objects as before, so that only what has changed of a large graph is drawn again. */
function useSameWhereEqual(nodes: readonly FlowNode[]): FlowNode[] {
  const drawn = useRef<readonly FlowNode[]>([])
  const same = useMemo(() => {
    const before = new Map(drawn.current.map((node) => [JSON.stringify(node), node]))
    return nodes.map((node) => before.get(JSON.stringify(node)) ?? node)
  }, [nodes])
  useEffect(() => {
    drawn.current = same
  }, [same])
  return same
}

/** Draws a {@link GraphProps graph} with React Flow; a chunk of its own. */
export function FlowGraph(props: GraphProps) {
  const scheme = useComputedColorScheme('light')
  const flow = useFlow(props)
  return (
    <ReactFlowProvider>
      <ReactFlow
        nodes={flow.nodes}
        nodeTypes={NODE_TYPES}
        colorMode={scheme}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        zoomOnScroll={false}
        preventScrolling={false}
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.08 }}
        minZoom={0.05}
        maxZoom={1.5}
        proOptions={{ hideAttribution: true }}
      >
        <Lines lines={flow.lines} />
        <Zoom />
      </ReactFlow>
    </ReactFlowProvider>
  )
}
