"""Writes what transformers renders with templates of our own, which have every construct that published ones have.

Into Tests/TokenizersTests/Resources/chat-templates.json: the templates, chats drawn at random, and for each template what
it makes of each chat: the text of the first ones, of all a hash; or what it raises.

    chat_templates.py                       the committed goldens
    chat_templates.py FILE FOLDER           the same into FILE for every *.jinja of FOLDER, which is not committed
"""

import json
import random
import sys
from pathlib import Path

from common import ROOT

from transformers.utils.chat_template_utils import render_jinja_template

TARGET = ROOT / "Tests" / "TokenizersTests" / "Resources" / "chat-templates.json"
CHATS = 200
FULL = 20
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}

# Turns in brackets: a default system text with the date, content as text or as blocks, errors for other roles.
BRACKETS = r"""{%- set today = strftime_now("%Y-%m-%d") %}
{%- set standard = "You draw.\nToday is " + today + "; \"quoted\" text (such as \"this\" ⇒ \"that\")." %}

{{- bos_token }}
{%- set first = messages[0] %}

{%- if first['role'] == 'system' %}
    {%- set turns = messages[1:] %}
    {%- if first['content'] is string %}
        {%- set system_text = first['content'] %}
    {%- else %}
        {%- set system_text = first['content'][0]['text'] %}
    {%- endif %}
{%- else %}
    {%- set turns = messages %}
    {%- set system_text = standard[:9] %}
{%- endif %}
{{- '[SYSTEM_PROMPT]' + system_text + '[/SYSTEM_PROMPT]' }}

{%- for turn in turns %}
    {%- if turn['role'] not in ['user', 'assistant', 'system'] %}
        {{- raise_exception('The role ' + turn.role + ' is not known!') }}
    {%- endif %}
    {{- {'user': '[INST]', 'system': '[SYSTEM_PROMPT]'}.get(turn.role, '') }}
	{%- for block in ([{'type': 'text', 'text': turn.content}] if turn.content is string else turn['content']) %}
	    {%- if block['type'] == 'text' %}
	        {{- block['text'] }}
	    {%- elif block['type'] in ['image', 'image_url'] and turn.role == 'user' %}
	        {{- '[IMG]' }}
	    {%- else %}
	        {{- raise_exception('Only blocks of text and images are known!') }}
	    {%- endif %}
	{%- endfor %}
    {{- {'user': '[/INST]', 'system': '[/SYSTEM_PROMPT]', 'assistant': eos_token}[turn.role] }}
{%- endfor %}
"""

# Turns between marks, with tools, reasoning that is cut out of the text, and an empty thought on demand.
MARKS = r"""{%- set last = namespace(question=-1, found=false) %}
{%- for message in messages[::-1] %}
    {%- if not last.found and message.role == 'user' and message.content is string and not (message.content.startswith('<result>') or message.content.endswith('</result>')) %}
        {%- set last.question = messages | length - loop.index0 - 1 %}
        {%- set last.found = true %}
    {%- endif %}
{%- endfor %}
{%- set system = messages[0].content if messages[0].role == "system" else none %}
{%- if tools %}
    {{- '<|im_start|>system\n' + (system + '\n\n' if system is not none else '') + "You may call:\n<tools>" }}
    {%- for tool in tools %}
        {{- '\n' + tool | tojson }}
    {%- endfor %}
    {{- "\n</tools>\nas {\"name\": <name>, \"arguments\": <object>}<|im_end|>\n" }}
{%- elif system is not none %}
    {{- '<|im_start|>system\n' + system + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- set text = message.content if message.content is string else '' %}
    {%- if message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none %}
            {%- set thought = message.reasoning_content %}
        {%- elif '</think>' in text %}
            {%- set parts = text.split('</think>') %}
            {%- set thought = parts[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
            {%- set text = (parts | last).lstrip('\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\n' }}
        {%- if loop.index0 > last.question and (thought or loop.last) %}
            {{- '<think>\n' + thought.strip('\n') + '\n</think>\n\n' }}
        {%- endif %}
        {{- text }}
        {%- for call in message.tool_calls or [] %}
            {%- set call = call.function or call %}
            {{- ('\n' if text or not loop.first else '') + '<call>{"name": "' + call.name + '", "arguments": ' }}
            {{- call.arguments if call.arguments is string else call.arguments | tojson }}
            {{- '}</call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {{- '<|im_start|>user' if loop.first or messages[loop.index0 - 1].role != "tool" }}
        {{- '\n<result>' + text + '</result>' }}
        {{- '<|im_end|>\n' if loop.last or messages[loop.index0 + 1].role != "tool" }}
    {%- elif not (loop.first and message.role == "system") %}
        {{- '<|im_start|>' + message.role + '\n' + text + '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}"""

# Marks as text between tags, counters, membership in maps.
VISION = (
    "{% set seen = namespace(images=0, films=0) %}{% for message in messages %}{% if loop.first and message.role != 'system' %}"
    "<|im_start|>system\nYou look and say.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message['content'] %}"
    "{% if part.type == 'image' or 'image_url' in part %}{% set seen.images = seen.images + 1 %}"
    "{% if number %}Image {{ seen.images }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'video' in part %}{% set seen.films = seen.films + 1 %}{% if number %}Film {{ seen.films }}: {% endif %}<|film|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

# Roles renamed, turns that must alternate, trimmed content, a prefix for the first turn only.
TURNS = r"""{{ bos_token }}
{%- set opening = "" -%}
{%- set turns = messages -%}
{%- if messages[0].role == 'system' -%}
    {%- set turns = messages[1:] -%}
    {%- set opening = (messages[0].content if messages[0].content is string else messages[0]['content'][0]['text']) + '

' -%}
{%- endif -%}
{%- for turn in turns -%}
    {%- if (loop.index0 % 2 == 0) != (turn.role == 'user') -%}
        {{ raise_exception("Turns must alternate: user, assistant, user, …") }}
    {%- endif -%}
    <turn>{{ 'model' if turn.role == 'assistant' else turn['role'] }}{{ '
' }}
    {%- if loop.first %}{{ opening }}{% endif -%}
    {%- if turn.content is string -%}
        {{ turn.content | trim }}
    {%- elif turn['content'] is iterable and turn.content is not mapping -%}
        {%- for item in turn.content -%}
            {{ item.text | trim if item.type == 'text' else '' -}}
            {% if item.type in ('image', 'image_url') %}<image>{% endif %}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Content of this type is not known") }}
    {%- endif -%}
    </turn>{{ '\n' -}}
{%- endfor -%}
{{ '<turn>model
' if add_generation_prompt }}
"""

# What the others lack: blanks around tags, comments, loops that end early, filters, tests, numbers.
REST = r"""
  {# a comment, and its line #}
 {#- one that trims -#}   x {{- 1 }} {{ 2 -}}   y
{% if messages | length > 1 %}
many
  {%+ if true %}kept{% endif +%}
	{% else %}
one
{% endif %}
{% generation %}inside{% endgeneration %}
{% for m in messages if m.role != 'system' %}
{%- if loop.index > 3 %}{% break %}{% endif %}
{%- if m.content is not string %}{% continue %}{% endif %}
{{ loop.index }}/{{ loop.length }}/{{ loop.revindex0 }}:{{ m.content[-9:] }}|{{ m.content[1:8:2] }}|{{ m.content[::-2][:4] }}
{% else %}
nobody
{% endfor %}
{% set words %}{% for m in messages %}{{ m.role ~ loop.index0 }}{{ ',' if not loop.last }}{% endfor %}{% endset %}
{{ words }} {{ words.split(',') | join('+') }} {{ words.split(',', 1)[-1] | upper }} {{ words | replace('user', 'U') }}
{% for key, value in {'b': 1, "a": [1.5, none, true, {'é': "\"\\\n\tü\u00fc"}]}.items() %}{{ key }}={{ value | tojson }};{% endfor %}
{{ {'k': [1, {}], 'l': []} | tojson(indent=2) }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | map(attribute='role') | join }}
{{ messages | rejectattr('content', 'string') | map(attribute='content') | first | default('none') | length }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 * 3 - 4 }} {{ 'ab' * 2 }} {{ 1 + 2.5 }} {{ -3 + 1 }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 5 }} {{ 'a' < 'b' }} {{ 3 in [1, 2, 3] }} {{ 'x' not in 'abc' }} {{ none is none }} {{ nothing is defined }}
{{ 1 is number and 'a' is string }} {{ [] is sequence }} {{ {} is mapping }} {{ 4 is divisibleby 2 }} {{ 3 is odd }} {{ true is boolean }}
{{ nothing or 'else' }} {{ (not true) or false }} {{ 'yes' if false }} {{ range(3) | list | tojson }} {{ range(5, 0, -2) | list | tojson }}
{{ dict(a=1).a }} {{ {'a': 2}.get('b', 3) }} {{ [1, 2, 3][-1] }} {{ 'abc'[1] }} {{ messages[99] is defined }} {{ 'a' 'b' }} {{ ' x '.strip() }}|
{{ "a-b"|replace("-", "+")|upper|trim }} {{ ['b', 'a'] | reverse | join('') }} {{ '12' | int + 1 }} {{ (1, 2) | last }} {{ 'x' if loop is defined else 'no loop' }}
{{- '\x41\u00e9\'' }} {{ "it's" }} {{ namespace(a=1).a }} {{ true }} {{ none }} {{ 1.0 }} {{ messages[0].role.upper() }}
{%- set a = 1 %}{% for i in range(3) %}{% set a = a + 1 %}{% if i == 1 %}{% set b = i %}{% endif %}{{ a }}{{ b }}{% endfor %}{{ a }}{{ b is defined }}

"""

TEMPLATES = {"brackets": BRACKETS, "marks": MARKS, "vision": VISION, "turns": TURNS, "rest": REST}
WORDS = [
    "a cat", "ein Bär, müde", "一只猫", "кошка", "قطة", "🐈‍⬛", "e\u0301", "\u00a0", "  ", "\n", "\n\n", "\t", "\u001c", "{{ x }}", "{% if %}",
    "{# c #}", "<think>hm\n</think>\n\nso", "<result>1</result>", "<|im_end|>", "[INST]", "\"quoted\"", "'s", "\\", "\x07", "x" * 40, "",
]  # fmt: skip


def text(rng):
    return "".join(rng.choice(WORDS) + rng.choice(["", " "]) for _ in range(rng.randint(0, 5)))


def content(rng):
    if rng.random() < 0.7:
        return text(rng)
    kinds = [{"type": "text", "text": text(rng)}, {"type": "image"}, {"type": "image_url", "image_url": {"url": "u"}}]
    kinds += [{"type": "video", "video": "v"}] if rng.random() < 0.1 else []
    return [{"type": "text", "text": text(rng)}] + [dict(rng.choice(kinds)) for _ in range(rng.randint(0, 3))]


def message(rng, role):
    result = {"role": role, "content": content(rng)}
    if role == "assistant" and rng.random() < 0.3:
        result["reasoning_content"] = text(rng)
    if role == "assistant" and rng.random() < 0.3:
        arguments = {"n": rng.choice([1, 2.5, None, True]), text(rng): [text(rng)]}
        call = {"name": "f", "arguments": rng.choice([json.dumps(arguments), arguments])}
        result["tool_calls"] = [rng.choice([call, {"type": "function", "function": call}]) for _ in range(rng.randint(1, 2))]
    return result


def chat(rng):
    """Mostly what a chat should be: an optional system turn, then turns that alternate."""
    turns = [message(rng, "system")] if rng.random() < 0.5 else []
    for number in range(rng.choice([1, 1, 1, 2, 3, 4, 6])):
        role = "user" if number % 2 == 0 else "assistant"
        turns.append(message(rng, rng.choice(["tool", "user", "critic", "system"]) if rng.random() < 0.08 else role))
    variables = {"add_generation_prompt": rng.random() < 0.5}
    if rng.random() < 0.5:
        variables["enable_thinking"] = rng.random() < 0.4
    if rng.random() < 0.5:
        variables["number"] = rng.random() < 0.7
    if rng.random() < 0.2:
        variables["tools"] = [{"type": "function", "function": {"name": "f", "description": text(rng), "parameters": {}}}]
    return {"messages": turns, "variables": variables}


def fnv(data):
    """The lower half of FNV-1a in 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value & 0xFFFFFFFF


def rendered(template, chat):
    """What transformers makes of the chat, or None and why it makes nothing."""
    variables = dict(chat["variables"])
    tools = variables.pop("tools", None)
    try:
        texts, _ = render_jinja_template([chat["messages"]], tools=tools, chat_template=template, **(SPECIALS | variables))
        return texts[0], None
    except Exception as error:  # noqa: BLE001: whatever Python raises, the other side must raise something
        return None, str(error)


def main():
    arguments = sys.argv[1:]
    target, templates = TARGET, TEMPLATES
    if arguments:
        target = Path(arguments[0])
        templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(arguments[1]).glob("*.jinja"))}
    rng = random.Random(20261129)
    chats = [chat(rng) for _ in range(CHATS)]
    cases = []
    for name, template in templates.items():
        results = [rendered(template, chat) for chat in chats]
        refused = [number for number, (result, _) in enumerate(results) if result is None]
        print(name, len(refused), "refused:", sorted({results[number][1] for number in refused}))
        cases.append({
            "name": name, "template": template, "refused": refused,
            "texts": [result for result, _ in results[:FULL]],
            "hashes": [fnv((result or "").encode()) for result, _ in results],
        })  # fmt: skip
    value = {"specials": SPECIALS, "chats": chats, "cases": cases}
    target.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
