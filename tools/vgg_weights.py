"""Write the compact weights of the loss network (`fststyle.vgg_weights`) from float weights of VGG-16.

python tools/vgg_weights.py torchvision   # downloads 528 MB
python tools/vgg_weights.py FILE          # .safetensors or .pth with torchvision's names
"""

import argparse

from safetensors.numpy import save_file

from fststyle.train.networks.vgg import load_vgg
from fststyle.vgg_weights import PATH, packed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", help='"torchvision", which downloads the weights, or a file')
    state = load_vgg(parser.parse_args().weights).state_dict()
    save_file(packed({name: value.numpy() for name, value in state.items()}), PATH)


if __name__ == "__main__":
    main()
