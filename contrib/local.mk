# Scripts for people; nothing is installed from here but the units and completions.
